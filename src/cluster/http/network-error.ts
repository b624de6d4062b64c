import { CutoverError } from '../../errors.js';

/** What went wrong below HTTP, in the words of the operating system or TLS. */
export interface NetworkFailure {
  /** `ECONNREFUSED`, `DEPTH_ZERO_SELF_SIGNED_CERT`, `TIMEOUT`…; never empty. */
  readonly code: string;
  readonly message: string;
}

/** Nothing was sent: repeating is safe for every verb. */
const neverSent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);
/** The connection broke at some point; whether the request was carried out is not known. */
const broken = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'TIMEOUT', 'ECONNABORTED', 'HPE_INVALID_EOF_STATE']);

/** Reads code and message out of whatever the network threw. */
export function networkFailure(thrown: unknown): NetworkFailure {
  const error: { code?: unknown; message?: unknown; errors?: unknown } = Object(thrown) as object;
  // Several addresses of one host are tried; the first one's failure stands for all.
  if (Array.isArray(error.errors) && error.errors.length > 0) return networkFailure(error.errors[0]);
  return {
    code: typeof error.code === 'string' && error.code !== '' ? error.code : 'UNKNOWN',
    message: typeof error.message === 'string' ? error.message : String(thrown),
  };
}

/** Whether trying again can help, and for which requests. `sent` is false when the request cannot have arrived. */
export function repeatable(failure: NetworkFailure): { readonly again: boolean; readonly sent: boolean } {
  if (neverSent.has(failure.code)) return { again: true, sent: false };
  return { again: broken.has(failure.code), sent: true };
}

function hintFor(code: string, host: string): string {
  switch (code) {
    case 'ECONNREFUSED':
      return 'Nothing listens at that address. Check the server in the kubeconfig, and that the cluster is up and reachable from this runner.';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `The name ${host} cannot be resolved from this runner. Check the server in the kubeconfig; a private cluster needs a runner in its network or a proxy-url.`;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
    case 'TIMEOUT':
      return 'A firewall or a private network may lie between this runner and the cluster. Check the server in the kubeconfig and the proxy settings.';
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return 'The certificate is for another name. Set tls-server-name in the kubeconfig, or use the name that the certificate has.';
    case 'CERT_HAS_EXPIRED':
      return 'The certificate of the API server has expired. Renew it.';
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return "The certificate was not signed by an authority that the kubeconfig names. Check its cluster's certificate-authority-data.";
    default:
      if (code.startsWith('ERR_SSL') || code === 'EPROTO') {
        return 'TLS could not be agreed on. Check that the server in the kubeconfig starts with the right scheme, and that the client certificate is valid.';
      }
      return 'Check the server in the kubeconfig, and that the cluster is reachable from this runner.';
  }
}

/** The error for a request that got no answer at all. `what` names the request: `PATCH Deployment shop/web`. */
export function unreachable(server: URL, what: string, failure: NetworkFailure): CutoverError {
  const { code, message } = failure;
  const cause = code === 'UNKNOWN' || code === 'TIMEOUT' || message.includes(code) ? message : `${code}: ${message}`;
  return new CutoverError(`no answer from the API server ${server.host} to ${what}: ${cause}`, {
    code: 'unreachable',
    hint: hintFor(failure.code, server.hostname),
  });
}
