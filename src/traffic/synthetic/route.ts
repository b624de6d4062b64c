import type { HttpCheck } from '../../inputs/checks/http.js';
import type { Check, SyntheticTraffic } from '../../inputs/inputs.js';
import { defaultRate, hasPath } from '../../inputs/parse/synthetic-traffic.js';
import type { KubeObject } from '../../kubernetes/object.js';
import type { TrafficPath } from '../../run/traffic-counts.js';
import { checkedPort } from '../../verify/endpoint.js';
import { withoutCredentials } from '../../verify/reply.js';
import type { ProxiedPath } from './through-api-server.js';

/** Who is moved. */
export interface TrafficSubject {
  /** The Service that users reach. Absent: there is none. */
  readonly service?: KubeObject | undefined;
  /** Namespace of a Service that names none. */
  readonly namespace: string;
  /** The checks of the new version. */
  readonly checks: readonly Check[];
}

/** Where requests go, and which answer is one of the new version. */
export interface TrafficRoute {
  readonly to: { readonly kind: 'url'; readonly url: string } | ({ readonly kind: 'api-server' } & ProxiedPath);
  /** As it is shown. */
  readonly path: TrafficPath;
  readonly perSecond: number;
  /** Absent: there is no limit. */
  readonly maxFailures?: number;
  /** What the check of the same path expects of the new version. Absent: there is none. */
  readonly expect?: HttpCheck['expect'];
}

/** No requests are sent. `why` absent: nobody asked for any. */
export interface NoTraffic {
  readonly why?: string;
}

/** Where the requests of a step go, or why it sends none. */
export function routeOf(input: SyntheticTraffic, subject: TrafficSubject): TrafficRoute | NoTraffic {
  if (input.kind === 'off') return {};
  const checked = subject.checks.find(isOfPublicPath);
  if (input.kind === 'auto')
    return checked === undefined
      ? {
          why: '`verify` names no http path with the method GET. To count what users meet meanwhile, set `synthetic-traffic` to a map with `url` or `path`',
        }
      : routeThroughApiServer(subject, { path: checked.target, perSecond: defaultRate });
  const { url, perSecond, maxFailures } = input;
  const limits = { perSecond, ...(maxFailures !== undefined && { maxFailures }) };
  const path = input.path ?? checked?.target ?? '/';
  if (url === undefined) return routeThroughApiServer(subject, { path, ...limits });
  const whole = hasPath(url) ? url : withPath(url, path);
  return {
    to: { kind: 'url', url: whole },
    path: { kind: 'url', url: withoutQuery(withoutCredentials(whole)) },
    ...limits,
    ...expectationOf(subject, [path, pathOf(whole), whole]),
  };
}

/** Whether it is a check of a path that users reach, with GET as here, and that a version can pass without a failure. */
function isOfPublicPath(check: Check): check is HttpCheck {
  if (check.kind !== 'http' || check.method !== 'GET' || !check.target.startsWith('/') || check.when === 'staged')
    return false;
  return check.expect.status.some(status => !String(status).startsWith('5'));
}

function routeThroughApiServer(
  subject: TrafficSubject,
  { path, ...limits }: Pick<TrafficRoute, 'perSecond' | 'maxFailures'> & { readonly path: string },
): TrafficRoute | NoTraffic {
  const { service, namespace } = subject;
  const port = service && checkedPort(service)?.port;
  if (service === undefined || port === undefined)
    return {
      why: 'no Service with a TCP port leads to the application. Set `url` in `synthetic-traffic` to the address that users have',
    };
  const { name } = service.metadata;
  return {
    to: { kind: 'api-server', namespace: service.metadata.namespace ?? namespace, service: name, port, path },
    path: { kind: 'api-server', service: name, path: withoutQuery(path) },
    ...limits,
    ...expectationOf(subject, [path]),
  };
}

function expectationOf({ checks }: TrafficSubject, targets: readonly string[]): Pick<TrafficRoute, 'expect'> {
  const check = checks.find(
    (one): one is HttpCheck =>
      one.kind === 'http' && one.method === 'GET' && one.when !== 'staged' && targets.includes(one.target),
  );
  return check === undefined ? {} : { expect: check.expect };
}

/** The path at the host of the URL. It is not resolved as a reference, which could name another host: `//other.example.com/`. */
function withPath(url: string, path: string): string {
  const whole = new URL(url);
  const [, pathname = '', search = ''] = /^([^?]*)(.*)$/s.exec(path) ?? [];
  whole.pathname = pathname;
  whole.search = search;
  return whole.href;
}

function pathOf(url: string): string {
  const { pathname, search } = new URL(url);
  return `${pathname}${search}`;
}

/** A query can hold a token. */
function withoutQuery(target: string): string {
  return target.replace(/\?.*$/s, '?…');
}
