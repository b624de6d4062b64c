import type { Cluster } from '../cluster/cluster.js';
import type { HttpCheck } from '../inputs/inputs.js';
import type { Endpoint, EndpointPod } from './endpoint.js';
import { checkExpectation, type Verdict } from './judge.js';
import { requestDirectly, requestThroughProxy, withoutCredentials, type Reply } from './reply.js';

/** What one try of a check found. */
export interface Trial {
  readonly verdict: Verdict;
  /** One line; never empty. */
  readonly detail: string;
  /** True where trying again cannot change the verdict. */
  readonly final: boolean;
}

/** A {@link Trial} of one of those who were asked, as in `pod web-6d4c-x2x9k`. */
export interface Witness extends Trial {
  readonly who: string;
}

interface Way {
  readonly endpoint: Endpoint;
  readonly cluster: Cluster;
  readonly signal: AbortSignal;
}

/** How messages and results name the check. */
export function httpCheckName({ method, target }: HttpCheck): string {
  return `${method} ${isUrl(target) ? withoutCredentials(target) : target}`;
}

/** One try: an absolute URL is asked directly, a path behind the endpoint through the API server's proxy. */
export async function tryHttp(check: HttpCheck, way: Way): Promise<Trial> {
  if (isUrl(check.target)) {
    const reply = await requestDirectly(check.target, { method: check.method, signal: way.signal });
    return combine([{ who: withoutCredentials(check.target), ...toTrial(check, reply) }], 'every');
  }
  const { podPort, pods, service } = way.endpoint;
  if (podPort === undefined) return cannotAsk('no container port is known behind which the pods could be asked');
  if (pods.length === 0 && (check.pods === 'every' || service === undefined)) {
    return cannotAsk('there is no new pod that could be asked');
  }
  const asksPods = check.pods === 'every' || service === undefined;
  const witnesses = await Promise.all([
    ...(asksPods ? pods.map(pod => askPod(check, { ...way, pod, podPort })) : []),
    ...(service === undefined ? [] : [askService(check, { ...way, service })]),
  ]);
  return combine(witnesses, check.pods);
}

/** One verdict out of many. `every`: all must pass. `any`: one pass is enough. A failure outweighs what cannot be told. */
export function combine(witnesses: readonly Witness[], need: 'every' | 'any'): Trial {
  const passed = witnesses.filter(({ verdict }) => verdict === 'pass');
  if (passed.length > 0 && (need === 'any' || passed.length === witnesses.length)) {
    const said = [...new Set(passed.map(({ detail }) => detail))].join(' / ');
    return { verdict: 'pass', detail: `${gather(passed)} ${said}`, final: true };
  }
  const failed = witnesses.filter(({ verdict }) => verdict === 'fail');
  const doubtful = witnesses.filter(({ verdict }) => verdict === 'cannot-tell');
  const decisive = failed.length > 0 ? failed : doubtful;
  const named = decisive.slice(0, 3).map(({ who, detail }) => `${who}: ${detail}`);
  const rest = decisive.length - named.length;
  const hopeless = witnesses.filter(({ verdict, final }) => verdict !== 'pass' && final);
  return {
    verdict: failed.length > 0 ? 'fail' : 'cannot-tell',
    detail: named.join('; ') + (rest > 0 ? `; and ${rest} more` : ''),
    final: need === 'every' ? hopeless.length > 0 : hopeless.length === witnesses.length,
  };
}

/** `3 pods and Service web`. */
function gather(witnesses: readonly Witness[]): string {
  const pods = witnesses.filter(({ who }) => who.startsWith('pod '));
  const others = witnesses.filter(witness => !pods.includes(witness)).map(({ who }) => who);
  const count = pods.length > 1 ? [`${pods.length} pods`] : pods.map(({ who }) => who);
  return [...count, ...others].join(' and ');
}

function cannotAsk(detail: string): Trial {
  return { verdict: 'cannot-tell', detail, final: true };
}

async function askPod(
  check: HttpCheck,
  way: Way & { readonly pod: EndpointPod; readonly podPort: number },
): Promise<Witness> {
  const { cluster, endpoint, pod, podPort } = way;
  const { namespace } = endpoint;
  const { method, target: path } = check;
  const who = `pod ${pod.name}`;
  const reply = await requestThroughProxy(cluster, {
    kind: 'Pod',
    namespace,
    name: pod.name,
    port: podPort,
    path,
    method,
  });
  const trial = toTrial(check, reply);
  // Where not even the API server answered, it cannot be asked for the pod's fate either.
  if (trial.verdict === 'pass' || (reply.kind === 'silence' && reply.at === 'way')) return { who, ...trial };
  // A pod on its way out answers wrongly or not at all; that says nothing of the version under test.
  const fate = await fateOf(pod, way);
  if (fate === undefined) return { who, ...trial };
  return { who, verdict: 'cannot-tell', detail: `it ${fate} while the check ran (${trial.detail})`, final: true };
}

/** What has become of a pod; `undefined` while it is there as it was. */
async function fateOf(pod: EndpointPod, { cluster, endpoint }: Way): Promise<string | undefined> {
  const { namespace } = endpoint;
  const live = await cluster.get({ apiVersion: 'v1', kind: 'Pod', namespace, name: pod.name });
  if (live === undefined) return 'disappeared';
  if (pod.uid !== undefined && live.metadata.uid !== pod.uid) return 'was replaced by another pod of the same name';
  return live.metadata.deletionTimestamp === undefined ? undefined : 'began to terminate';
}

async function askService(
  check: HttpCheck,
  way: Way & { readonly service: { readonly name: string; readonly port: number } },
): Promise<Witness> {
  const { cluster, endpoint, service } = way;
  const { method, target: path } = check;
  const reply = await requestThroughProxy(cluster, {
    kind: 'Service',
    namespace: endpoint.namespace,
    ...service,
    path,
    method,
  });
  return { who: `Service ${service.name}`, ...toTrial(check, reply) };
}

function toTrial({ expect }: HttpCheck, reply: Reply): Trial {
  if (reply.kind === 'silence') return { verdict: 'cannot-tell', detail: reply.reason, final: false };
  const { verdict, reason } = checkExpectation(expect, reply.answer);
  return { verdict, detail: reason, final: false };
}

function isUrl(target: string): boolean {
  return /^https?:\/\//i.test(target);
}
