import { shortened } from '../log.js';

/** HTTP answer of a registry. */
export interface RegistryAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Empty for HEAD; truncated at 256 KiB. */
  readonly body: string;
}

/** Whether an image exists, with the answer of the registry as the reason. */
export type ImageStatus =
  | { readonly kind: 'exists' }
  | { readonly kind: 'missing'; readonly reason: string }
  | { readonly kind: 'unknown'; readonly reason: string };

/** Error codes of the registry API for a missing image; a 404 without them can come from any web server. */
const definiteErrorCodes: ReadonlySet<string> = new Set(['MANIFEST_UNKNOWN', 'NAME_UNKNOWN']);
/** Longest part of an error message of a registry that is reported, in characters. */
const maxMessageLength = 120;

/** The status of an image by the final answer for its manifest. `login`: whether credentials were sent. */
export function imageStatus(answer: RegistryAnswer, login: 'sent' | 'none'): ImageStatus {
  const { status } = answer;
  if (status === 200) return { kind: 'exists' };
  const { code, message } = registryError(answer.body);
  const errorText = [code, message].filter(part => part !== undefined).join(': ');
  const reason = errorText === '' ? `it answered ${status}` : `it answered ${status} ${errorText}`;
  if (status === 404 && code !== undefined && definiteErrorCodes.has(code)) return { kind: 'missing', reason };
  if (status === 401 || status === 403) {
    const access = login === 'sent' ? 'the login has no permission to read it' : 'it requires a login';
    return { kind: 'unknown', reason: `${reason}; ${access}` };
  }
  return { kind: 'unknown', reason };
}

function registryError(body: string): { readonly code?: string; readonly message?: string } {
  try {
    const { errors } = JSON.parse(body) as { readonly errors?: readonly { code?: unknown; message?: unknown }[] };
    const { code, message } = errors?.[0] ?? {};
    return {
      ...(typeof code === 'string' && /^[A-Z_]{1,40}$/.test(code) && { code }),
      ...(typeof message === 'string' &&
        message !== '' && { message: shortened(message.replace(/\s+/g, ' '), maxMessageLength) }),
    };
  } catch {
    return {};
  }
}

/** Seconds of a `Retry-After` header, which is in seconds or a date. `now`: milliseconds since 1970. Default 1. */
export function retryAfterSeconds(header: string | undefined, now: number): number {
  if (header === undefined) return 1;
  if (/^\d+$/.test(header)) return Number(header);
  const date = Date.parse(header);
  return Number.isNaN(date) ? 1 : Math.max(0, (date - now) / 1000);
}
