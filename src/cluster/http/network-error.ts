import type { IncomingHttpHeaders } from 'node:http';
import { CutoverError } from '../../errors.js';

/** An error below HTTP: of the operating system or TLS. */
export interface NetworkFailure {
  /** `ECONNREFUSED`, `DEPTH_ZERO_SELF_SIGNED_CERT`, `TIMEOUT`…; never empty. */
  readonly code: string;
  readonly message: string;
}

/** Nothing was sent: a retry is safe for every method. */
const notSentCodes = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);
/** The connection was interrupted; the request may have been processed. */
const interruptedCodes = new Set([
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'TIMEOUT',
  'ECONNABORTED',
  'HPE_INVALID_EOF_STATE',
]);

/** Code and message of a network error. */
export function networkFailure(thrown: unknown): NetworkFailure {
  const error: { code?: unknown; message?: unknown; errors?: unknown } = Object(thrown) as object;
  // One error for each address of a host; the first one represents all.
  if (Array.isArray(error.errors) && error.errors.length > 0) return networkFailure(error.errors[0]);
  return {
    code: typeof error.code === 'string' && error.code !== '' ? error.code : 'UNKNOWN',
    message: typeof error.message === 'string' ? error.message : String(thrown),
  };
}

/** Whether a retry can help. `sent` is false when the request cannot have reached the server. */
export function retryability(failure: NetworkFailure): { readonly retry: boolean; readonly sent: boolean } {
  if (notSentCodes.has(failure.code)) return { retry: true, sent: false };
  return { retry: interruptedCodes.has(failure.code), sent: true };
}

function hintFor(code: string, host: string): string {
  switch (code) {
    case 'ECONNREFUSED':
      return 'Nothing listens at this address. Check the server in the kubeconfig, and that the cluster is up and reachable from this runner.';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `The name ${host} cannot be resolved from this runner. Check the server in the kubeconfig; a private cluster needs a runner in its network or a proxy-url.`;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
    case 'TIMEOUT':
      return 'A firewall may block the connection, or the cluster may be in a private network. Check the server in the kubeconfig and the proxy settings.';
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return 'The certificate is for another name. Set tls-server-name in the kubeconfig, or use a name of the certificate.';
    case 'CERT_HAS_EXPIRED':
      return 'The certificate of the API server has expired. Renew it.';
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return 'The certificate is not signed by the certificate authority in the kubeconfig. Check certificate-authority-data of the cluster.';
    default:
      if (code.startsWith('ERR_SSL') || code === 'EPROTO') {
        return 'The TLS handshake failed. Check that the server in the kubeconfig has the right scheme, and that the client certificate is valid.';
      }
      return 'Check the server in the kubeconfig, and that the cluster is reachable from this runner.';
  }
}

/** The error for a request without an answer. `request` describes it: `PATCH Deployment shop/web`. */
export function unreachable(server: URL, request: string, failure: NetworkFailure): CutoverError {
  const { code, message } = failure;
  const cause = code === 'UNKNOWN' || code === 'TIMEOUT' || message.includes(code) ? message : `${code}: ${message}`;
  return new CutoverError(`no answer from the API server ${server.host} to ${request}: ${cause}`, {
    code: 'unreachable',
    hint: hintFor(failure.code, server.hostname),
  });
}

/** The error for a redirect: the API server of Kubernetes sends none. Of the new address, only the host is told. */
export function redirected(
  server: URL,
  request: string,
  { status, headers }: { readonly status: number; readonly headers: IncomingHttpHeaders },
): CutoverError {
  const { location } = headers;
  const target =
    location === undefined || !URL.canParse(location, server.href) ? '' : ` to ${new URL(location, server).host}`;
  return new CutoverError(`${server.host} answered ${status}, a redirect${target}, to ${request}`, {
    code: 'unreachable',
    status,
    hint: 'An API server does not redirect. Check the server in the kubeconfig: a login page, a proxy or a load balancer can answer at this address.',
  });
}
