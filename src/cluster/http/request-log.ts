import { CutoverError } from '../../errors.js';
import type { Log } from '../../log.js';
import type { Clock } from '../clock.js';
import { networkFailure } from './network-error.js';
import type { HttpRequest, Transport } from './transport.js';

/**
 * The transport, with one debug line for every request that it has sent: method, path, status or network error,
 * milliseconds. Of a stream, the line comes with its headers.
 */
export function loggedTransport(transport: Transport, { clock, log }: { clock: Clock; log: Log }): Transport {
  const logged = async <T extends { readonly status: number }>(
    request: HttpRequest,
    exchange: () => Promise<T>,
  ): Promise<T> => {
    const sentAt = clock.now();
    const write = (outcome: string | number): void =>
      log.debug(`${request.method} ${shownPath(request.path)}: ${outcome} in ${Math.round(clock.now() - sentAt)} ms`);
    try {
      const answer = await exchange();
      write(answer.status);
      return answer;
    } catch (thrown) {
      write(thrown instanceof CutoverError ? thrown.code : networkFailure(thrown).code);
      throw thrown;
    }
  };
  return {
    send: (request, access) => logged(request, () => transport.send(request, access)),
    open: (request, access, signal) => logged(request, () => transport.open(request, access, signal)),
    upgrade: (request, access) => logged(request, () => transport.upgrade(request, access)),
  };
}

/** The query of a proxied request belongs to the application and can hold a secret. */
function shownPath(path: string): string {
  return /^\/api\/v1\/namespaces\/[^/]+\/(?:pods|services)\/[^/]+\/proxy\b/.test(path)
    ? path.replace(/\?.*$/s, '?…')
    : path;
}
