import { CutoverError } from '../errors.js';
import type { HttpCheck } from '../inputs/checks/http.js';
import type { EndpointPod } from './endpoint.js';
import { retryCheck, unlessCancelled, type Check, type CheckAttempt, type CheckSubject } from './check.js';
import { checkExpectation } from './expectation.js';
import { changeOf } from './reach/pod-tunnel.js';
import { requestDirectly, requestThroughProxy, withoutCredentials, type Reply } from './reply.js';

/** One attempt. */
interface HttpAttempt extends CheckAttempt {
  /** `true`: a pod that was asked has ended, so its answer is no result. */
  readonly hasLostPod?: true;
}

/** An attempt with one target. */
interface TargetAttempt extends HttpAttempt {
  /** `pod web-6d4c-x2x9k`, `Service web-test` or a URL. */
  readonly target: string;
}

type HttpCheckSubject = Pick<CheckSubject, 'endpoint' | 'cluster' | 'reach'> & { readonly signal: AbortSignal };

/** The check of the kind `http`. */
export function httpCheck(input: HttpCheck): Check {
  const { when, retryMs, intervalMs } = input;
  const name = httpCheckName(input);
  return {
    name,
    when,
    run: (subject, signal) => {
      let { endpoint } = subject;
      const { currentPods } = endpoint;
      let hasLostPod = false;
      const ask = async (): Promise<CheckAttempt> => {
        if (hasLostPod && currentPods !== undefined) endpoint = { ...endpoint, pods: await currentPods() };
        const result = await attemptHttp(input, { ...subject, endpoint, signal });
        hasLostPod ||= result.hasLostPod === true;
        // Another pod takes its place.
        return hasLostPod && currentPods !== undefined ? { ...result, final: result.verdict === 'pass' } : result;
      };
      const attempt = (): Promise<CheckAttempt> => unlessCancelled(ask(), name, signal);
      return retryCheck({ name, retryMs, intervalMs, attempt }, subject, signal);
    },
  };
}

/** The name of the check in messages and results. */
export function httpCheckName({ method, target }: HttpCheck): string {
  return `${method} ${isUrl(target) ? withoutCredentials(target) : target}`;
}

/** One attempt: an absolute URL is requested directly, a path of each pod and, through the proxy of the API server, of the Service. */
export async function attemptHttp(check: HttpCheck, subject: HttpCheckSubject): Promise<HttpAttempt> {
  if (isUrl(check.target)) {
    const reply = await requestDirectly(check.target, { method: check.method, signal: subject.signal });
    return combineAttempts([{ target: withoutCredentials(check.target), ...attemptOf(check, reply) }], 'every');
  }
  const { podPort, pods, service, whyNoPods } = subject.endpoint;
  if (podPort === undefined && check.url === undefined) return cannotTell('the pods have no known container port');
  if (pods.length === 0 && (check.pods === 'every' || service === undefined)) {
    return cannotTell(`there is no new pod${whyNoPods === undefined ? '' : `: ${whyNoPods}`}`);
  }
  const requestsPods = check.pods === 'every' || service === undefined;
  const asked = await Promise.all(
    [
      ...(podPort !== undefined && requestsPods
        ? pods.map(pod => requestPod(check, { ...subject, pod, podPort }))
        : []),
      ...(service === undefined ? [] : [requestService(check, { ...subject, service })]),
    ].map(attempt => allowed(check, attempt)),
  );
  const reached = asked.flatMap(one => (one instanceof CutoverError ? [] : one));
  const closed = asked.find(one => one instanceof CutoverError);
  const why = closed ?? (podPort === undefined ? 'the port of the pods is not known' : undefined);
  const byUrl = why === undefined ? [] : [await requestUrl(check, { ...subject, why })];
  return combineAttempts([...reached, ...byUrl], check.pods);
}

/** The attempt; the error if this way is not allowed, and the check has an address for that. */
function allowed({ url }: HttpCheck, attempt: Promise<TargetAttempt>): Promise<TargetAttempt | CutoverError> {
  return attempt.catch((thrown: unknown) => {
    if (url !== undefined && thrown instanceof CutoverError && thrown.code === 'forbidden') return thrown;
    throw thrown;
  });
}

/** One attempt at the address of the side, which the check has. */
async function requestUrl(
  check: HttpCheck,
  { reach, signal, why }: HttpCheckSubject & { readonly why: CutoverError | string },
): Promise<TargetAttempt> {
  const url = `${check.url ?? ''}${check.target}`;
  reach.tellUrl(check.url ?? '', why);
  return { target: url, ...attemptOf(check, await requestDirectly(url, { method: check.method, signal })) };
}

/** The verdict of several attempts. `every`: all must pass. `any`: one pass is enough. `fail` takes precedence over `cannot-tell`. */
function combineAttempts(attempts: readonly TargetAttempt[], required: 'every' | 'any'): HttpAttempt {
  const passed = attempts.filter(({ verdict }) => verdict === 'pass');
  if (passed.length > 0 && (required === 'any' || passed.length === attempts.length)) {
    const details = [...new Set(passed.map(({ detail }) => detail))].join(' / ');
    return { verdict: 'pass', detail: `${listTargets(passed)} ${details}`, final: true };
  }
  const failed = attempts.filter(({ verdict }) => verdict === 'fail');
  const undecided = attempts.filter(({ verdict }) => verdict === 'cannot-tell');
  const reported = failed.length > 0 ? failed : undecided;
  const named = reported.slice(0, 3).map(({ target, detail }) => `${target}: ${detail}`);
  const rest = reported.length - named.length;
  const finalAttempts = attempts.filter(({ verdict, final }) => verdict !== 'pass' && final);
  return {
    verdict: failed.length > 0 ? 'fail' : 'cannot-tell',
    detail: named.join('; ') + (rest > 0 ? `; and ${rest} more` : ''),
    final: required === 'every' ? finalAttempts.length > 0 : finalAttempts.length === attempts.length,
    ...(attempts.some(({ hasLostPod }) => hasLostPod) && { hasLostPod: true }),
  };
}

/** `3 pods and Service web`. */
function listTargets(attempts: readonly TargetAttempt[]): string {
  const pods = attempts.filter(({ target }) => target.startsWith('pod '));
  const others = attempts.filter(attempt => !pods.includes(attempt)).map(({ target }) => target);
  const count = pods.length > 1 ? [`${pods.length} pods`] : pods.map(({ target }) => target);
  return [...count, ...others].join(' and ');
}

function cannotTell(detail: string): CheckAttempt {
  return { verdict: 'cannot-tell', detail, final: true };
}

async function requestPod(
  check: HttpCheck,
  subject: HttpCheckSubject & { readonly pod: EndpointPod; readonly podPort: number },
): Promise<TargetAttempt> {
  const { endpoint, pod, podPort, reach, signal } = subject;
  const { namespace } = endpoint;
  const { method, target: path } = check;
  const target = `pod ${pod.name}`;
  if (pod.isStarting) return { target, ...cannotTell('it took the place of another pod, and is not ready yet') };
  const reply = await reach.request({ pod, namespace, port: podPort, path, method, signal });
  if (reply.kind === 'lost') return { target, ...lostPod(reply.change) };
  const attempt = attemptOf(check, reply);
  // Without a connection to the API server, the pod cannot be read either.
  if (attempt.verdict === 'pass' || (reply.kind === 'no-answer' && reply.at === 'network'))
    return { target, ...attempt };
  // A terminating pod may fail to answer, which is no result for the version under test.
  const change = await podChange(pod, subject);
  if (change === undefined) return { target, ...attempt };
  return { target, ...lostPod(change, ` (${attempt.detail})`) };
}

function lostPod(change: string, detail = ''): HttpAttempt {
  return {
    verdict: 'cannot-tell',
    detail: `it ${change} while the check ran${detail}`,
    final: true,
    hasLostPod: true,
  };
}

/** What has happened to a pod; `undefined`: it has not changed. */
async function podChange(pod: EndpointPod, { cluster, endpoint }: HttpCheckSubject): Promise<string | undefined> {
  const { namespace } = endpoint;
  return changeOf(pod, await cluster.get({ apiVersion: 'v1', kind: 'Pod', namespace, name: pod.name }));
}

async function requestService(
  check: HttpCheck,
  subject: HttpCheckSubject & { readonly service: { readonly name: string; readonly port: number } },
): Promise<TargetAttempt> {
  const { cluster, endpoint, service } = subject;
  const { method, target: path } = check;
  const reply = await requestThroughProxy(cluster, {
    kind: 'Service',
    namespace: endpoint.namespace,
    ...service,
    path,
    method,
  });
  return { target: `Service ${service.name}`, ...attemptOf(check, reply) };
}

function attemptOf({ expect }: HttpCheck, reply: Reply): CheckAttempt {
  if (reply.kind === 'no-answer') return { verdict: 'cannot-tell', detail: reply.reason, final: false };
  const { verdict, reason } = checkExpectation(expect, reply.answer);
  return { verdict, detail: reason, final: false };
}

function isUrl(target: string): boolean {
  return /^https?:\/\//i.test(target);
}
