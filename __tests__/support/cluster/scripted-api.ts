import { Agent } from 'node:http';
import { Api } from '../../../src/cluster/http/api.js';
import type { ApiParts, Call } from '../../../src/cluster/http/api.js';
import type { Access, HttpAnswer, HttpRequest } from '../../../src/cluster/http/transport.js';
import type { WriteFence } from '../../../src/cluster/http/write-fence.js';
import { manualClock } from '../clock.js';
import type { ManualClock } from '../clock.js';
import { listLog } from '../log.js';
import type { ListLog } from '../log.js';

const target = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop' };
/** Path of a ConfigMap. */
export const path = (name: string): string => `/api/v1/namespaces/shop/configmaps/${name}`;
/** A write of a ConfigMap. */
export const write = (name: string, fence?: WriteFence): Call => ({
  description: { verb: 'patch', target: { ...target, name }, resource: 'configmaps' },
  request: { method: 'PATCH', path: `${path(name)}?fieldManager=cutover`, body: Buffer.from('{}') },
  ...(fence && { fence }),
});
export const answer = (status: number, body: object = {}): HttpAnswer => ({
  status,
  headers: {},
  body: Buffer.from(JSON.stringify(body)),
});
/** An answer with a Status. */
export const refused = (status: number): HttpAnswer => answer(status, { kind: 'Status', code: status });

export interface Scripted {
  readonly api: Api;
  readonly clock: ManualClock;
  readonly log: ListLog;
  readonly cancel: () => void;
  /** Requests whose answer is still to come. */
  readonly open: Sent[];
  /** All requests so far. */
  readonly sent: Sent[];
}

/** One request, which the test answers. */
export interface Sent {
  readonly request: HttpRequest;
  readonly access: Access;
  readonly reply: (answer: HttpAnswer) => void;
  readonly fail: (error: unknown) => void;
}

/** An {@link Api} whose requests the test answers. */
export function scripted(parts: Partial<ApiParts> = {}): Scripted {
  const clock = manualClock();
  const log = listLog();
  const cancelling = new AbortController();
  const open: Sent[] = [];
  const sent: Sent[] = [];
  const access = (): Access => ({ agent: new Agent(), headers: {} });
  const api = new Api({
    server: new URL('https://api.example.org:6443'),
    credentials: { access: () => Promise.resolve(access()), renew: () => Promise.resolve(access()) },
    transport: {
      send: (request, withAccess) =>
        new Promise((resolve, reject) => {
          const end =
            <T>(how: (outcome: T) => void) =>
            (outcome: T): void => {
              open.splice(open.indexOf(one), 1);
              how(outcome);
            };
          const one: Sent = { request, access: withAccess, reply: end(resolve), fail: end(reject) };
          open.push(one);
          sent.push(one);
        }),
      upgrade: () => Promise.reject(new Error('the test expects no upgrade')),
      open: () => Promise.reject(new Error('no streams here')),
    },
    clock,
    log,
    signal: cancelling.signal,
    random: () => 1,
    ...parts,
  });
  return { api, clock, log, open, sent, cancel: () => cancelling.abort() };
}

/** The names of the objects that the requests address. */
export const names = (sent: readonly Sent[]): string[] =>
  sent.map(({ request }) => request.path.replace(/^.*\/|\?.*$/g, ''));
