/** How to authenticate with a registry, from its header `WWW-Authenticate`. */
export type Challenge =
  | { readonly scheme: 'basic' }
  | {
      readonly scheme: 'bearer';
      /** URL of the token service. */
      readonly realm: URL;
      readonly service?: string;
      readonly scope?: string;
    };

const parameter = /([a-zA-Z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))/g;

/** The challenge in the header; Bearer takes precedence over Basic. `undefined`: no supported challenge. */
export function parseChallenge(header: string | undefined): Challenge | undefined {
  const bearer = /(?:^|,)\s*Bearer\s+(.*)$/i.exec(header ?? '')?.[1];
  if (bearer !== undefined) {
    const parameters = new Map<string, string>();
    for (const [, name = '', quoted, plain = ''] of bearer.matchAll(parameter)) {
      if (!parameters.has(name.toLowerCase()))
        parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain);
    }
    const realm = parameters.get('realm') ?? '';
    const [service, scope] = [parameters.get('service'), parameters.get('scope')];
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
