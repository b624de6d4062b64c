/** How a registry wants to be asked, from its header `WWW-Authenticate`. */
export type Challenge =
  | { readonly scheme: 'basic' }
  | {
      readonly scheme: 'bearer';
      /** Address of the token service. */
      readonly realm: URL;
      readonly service?: string;
      readonly scope?: string;
    };

const parameter = /([a-zA-Z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))/g;

/** The challenge in the header. `undefined`: there is none that can be met. Bearer goes before Basic. */
export function parseChallenge(header: string | undefined): Challenge | undefined {
  const bearer = /(?:^|,)\s*Bearer\s+(.*)$/i.exec(header ?? '')?.[1];
  if (bearer !== undefined) {
    const found = new Map<string, string>();
    for (const [, name = '', quoted, plain = ''] of bearer.matchAll(parameter)) {
      if (!found.has(name.toLowerCase())) found.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain);
    }
    const realm = found.get('realm') ?? '';
    const [service, scope] = [found.get('service'), found.get('scope')];
    if (URL.canParse(realm) && /^https?:/i.test(realm)) {
      return {
        scheme: 'bearer',
        realm: new URL(realm),
        ...(service !== undefined && { service }),
        ...(scope !== undefined && { scope }),
      };
    }
  }
  return /(?:^|,)\s*Basic\b/i.test(header ?? '') ? { scheme: 'basic' } : undefined;
}
