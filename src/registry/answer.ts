/** What a registry answered over http. */
export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Empty for HEAD; cut where it is long. */
  readonly body: string;
}

/** Whether an image exists, as far as its registry says; `said` is its answer in words. */
export type Verdict =
  | { readonly kind: 'exists' }
  | { readonly kind: 'missing'; readonly said: string }
  | { readonly kind: 'unknown'; readonly said: string };

/** Codes of the registry API that leave no doubt; a web server that knows no registry also answers 404. */
const certain: ReadonlySet<string> = new Set(['MANIFEST_UNKNOWN', 'NAME_UNKNOWN']);
/** Of a registry's own words, which may be a page of HTML. */
const longest = 120;

/** The verdict of the final answer about a manifest. `login`: whether credentials were shown. */
export function judge(answer: Answer, login: 'given' | 'none'): Verdict {
  const { status } = answer;
  if (status === 200) return { kind: 'exists' };
  const { code, message } = errorIn(answer.body);
  const words = [code, message].filter(part => part !== undefined).join(': ');
  const said = words === '' ? `it answered ${status}` : `it answered ${status} ${words}`;
  if (status === 404 && code !== undefined && certain.has(code)) return { kind: 'missing', said };
  if (status === 401 || status === 403) {
    const access = login === 'given' ? 'the login that it was shown may not read it' : 'it wants a login';
    return { kind: 'unknown', said: `${said}; ${access}` };
  }
  return { kind: 'unknown', said };
}

function errorIn(body: string): { readonly code?: string; readonly message?: string } {
  try {
    const { errors } = JSON.parse(body) as { readonly errors?: readonly { code?: unknown; message?: unknown }[] };
    const { code, message } = errors?.[0] ?? {};
    return {
      ...(typeof code === 'string' && /^[A-Z_]{1,40}$/.test(code) && { code }),
      ...(typeof message === 'string' && message !== '' && { message: message.replace(/\s+/g, ' ').slice(0, longest) }),
    };
  } catch {
    return {};
  }
}

/** Seconds that the header `Retry-After` asks for, given in seconds or as a date. Default 1. */
export function retryAfterSeconds(header: string | undefined, now: number): number {
  if (header === undefined) return 1;
  if (/^\d+$/.test(header)) return Number(header);
  const date = Date.parse(header);
  return Number.isNaN(date) ? 1 : Math.max(0, (date - now) / 1000);
}
