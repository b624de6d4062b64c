import type { ProxyRequest } from '../../../src/cluster/cluster.js';
import type { CredentialExpiry } from '../../../src/cluster/access/credential-expiry.js';
import { CutoverError } from '../../../src/errors.js';
import type { Check, DeployInputs, Rollback, SyntheticTraffic } from '../../../src/inputs/inputs.js';
import type { KubeObject, ObjectRef } from '../../../src/kubernetes/object.js';
import { renderRoles } from '../../../src/manifests/roles/render.js';
import { renderManifests, type RenderRequest } from '../../../src/manifests/render.js';
import { readDocuments } from '../../../src/manifests/yaml/documents.js';
import { hashOf } from '../../../src/kubernetes/canonical.js';
import { decodeRevision, type Revision } from '../../../src/release/revision.js';
import { decodeState } from '../../../src/release/state-record.js';
import { newBlueGreen, type BlueGreenState, type ReleaseState } from '../../../src/release/state.js';
import { asBlueGreen, asRolling, hasRoles } from '../../../src/release/transitions.js';
import type { RunContext } from '../../../src/run/context.js';
import { adoptLive } from '../../../src/strategies/blue-green/adoption/adopt.js';
import { deployBlueGreen } from '../../../src/strategies/blue-green/deploy.js';
import { planBlueGreen } from '../../../src/strategies/blue-green/plan.js';
import { promote, type PromoteRequest } from '../../../src/strategies/blue-green/promote.js';
import { reject } from '../../../src/strategies/blue-green/reject.js';
import { rollBackBlueGreen } from '../../../src/strategies/blue-green/rollback/rollback.js';
import { publicServicesOf } from '../../../src/strategies/blue-green/staging/find-active.js';
import type { BlueGreenDeploy } from '../../../src/strategies/blue-green/staging/staging.js';
import { stage } from '../../../src/strategies/blue-green/staging/stage.js';
import type { SwitchPolicy } from '../../../src/strategies/blue-green/switch/traffic-switch.js';
import { restoreInterrupted } from '../../../src/strategies/restore-interrupted.js';
import { deployRolling } from '../../../src/strategies/rolling/deploy.js';
import { readToDeploy, readToDeployOnceSettled } from '../../../src/strategies/rolling/read-to-deploy.js';
import { planRolling } from '../../../src/strategies/rolling/plan.js';
import { rollBackRolling } from '../../../src/strategies/rolling/rollback.js';
import type { RollingDeploy } from '../../../src/strategies/rolling/rolling-deploy.js';
import { FailedStep, type Outcome } from '../../../src/strategies/outcome/outcome.js';
import type { Recovered } from '../../../src/strategies/outcome/restored.js';
import { clone } from '../../../sandbox/api/schema/json.js';
import { idle, idleClock, runControllers } from '../cluster/run-controllers.js';
import { answer } from '../cluster/proxy-cluster.js';
import { memoryCluster, type MemoryCluster } from '../cluster/memory-cluster.js';
import { runOf, stepOn } from './context.js';

/** Release `web` in namespace `shop`, deployed by the product's own steps onto a cluster whose controllers run. */
export interface WebRelease {
  readonly cluster: MemoryCluster;
  /** Status with which a pod or Service answers the checks; default 200. */
  answer: (request: ProxyRequest) => number;
  /** Cancels the steps that begin after it was set. Default: never. */
  signal: AbortSignal;
  /** When the credentials of the steps that begin after it was set end. Absent: that is not known. */
  credentialExpiry?: CredentialExpiry;
  /** What the steps that begin after it was set send while users are moved. Default: nothing. */
  syntheticTraffic: SyntheticTraffic;
  /** The context of the last step. Every step is a run of its own, numbered from 1. */
  readonly ctx: () => ReturnType<typeof stepOn>;
  stage(manifests: string, inputs?: Partial<DeployInputs<'blue-green'>>): Promise<Outcome>;
  promote(request?: Partial<PromoteRequest & SwitchPolicy>): Promise<Outcome>;
  /** A plan of the blue/green deploy. */
  plan(manifests: string, inputs?: Partial<DeployInputs<'blue-green'>>): Promise<Outcome>;
  /** A plan of the rolling deploy. */
  planRolling(manifests: string): Promise<Outcome>;
  /** A deploy with `switch: auto`. */
  go(manifests: string): Promise<Outcome>;
  reject(inputs?: { readonly timeoutMs?: number }): Promise<Outcome>;
  rollback(inputs?: Partial<Rollback>): Promise<Outcome>;
  deploy(manifests: string, inputs?: Partial<DeployInputs<'rolling'>>): Promise<Outcome>;
  /** The post step of the last run, after its process was killed. `interrupted`: what interrupts calls stays as it is. */
  post(options?: { readonly interrupted?: boolean }): Promise<Recovered>;
  /** How many steps there were. */
  readonly runs: () => number;
  /** Ends the controllers. */
  close(): void;
}

export const check: Check = {
  kind: 'http',
  target: '/',
  method: 'GET',
  expect: { status: ['2xx'] },
  pods: 'every',
  when: 'both',
  retryMs: 0,
  intervalMs: 1000,
};

const policy = {
  idlePolicy: { policy: 'keep' } as DeployInputs<'blue-green'>['idlePolicy'],
  drainMs: 30_000,
  closeConnections: 'off' as 'auto' | 'off',
  timeoutMs: 60_000,
  stableForMs: 0,
  lockTimeoutMs: 0,
  rollbackOnFailure: true,
  historyLimit: 10,
};

const deployInputs = {
  ...policy,
  action: 'deploy',
  bakeMs: 0,
  manifests: [],
  variables: {},
  substitution: 'on',
  images: [],
  preStopExplicit: false,
  lint: 'off',
  verify: [check],
  syntheticTraffic: { kind: 'off' },
  stableForMs: 0,
  createNamespace: false,
  forceConflicts: false,
  recreate: { jobs: false, objects: [] },
  environment: {},
} as const;

const open = new Set<WebRelease>();

/** Ends the controllers of every release that was made. */
export function closeReleases(): void {
  for (const release of open) release.close();
  open.clear();
}

/** A release as `build` leaves it: built once, and copied for each caller. */
export function releaseAfter(build: (release: WebRelease) => Promise<unknown>): () => Promise<WebRelease> {
  let built: Promise<WebRelease> | undefined;
  const buildOnce = async (): Promise<WebRelease> => {
    const original = webRelease();
    await build(original);
    original.close();
    return original;
  };
  return async () => {
    const copy = webRelease(await (built ??= buildOnce()));
    // Its garbage collector begins to watch a turn later.
    await idle();
    return copy;
  };
}

/** Users are on blue, revision 1; revision 2 is staged on green. */
export const staged = releaseAfter(async release => {
  await release.stage(roleManifests('v1'));
  await release.promote();
  await release.stage(roleManifests('v2'));
});

/** A release that was never deployed, or a copy of `original`. */
export function webRelease(original?: WebRelease): WebRelease {
  let runs = original?.runs() ?? 0;
  let ctx: ReturnType<typeof stepOn>;
  const cluster = memoryCluster({ proxy: request => answer(release.answer(request)) });
  if (original !== undefined) copyObjects(original.cluster, cluster);
  const stop = runControllers(cluster);

  async function step<T>(work: (ctx: RunContext) => Promise<T>): Promise<T> {
    runs += 1;
    ctx = stepOn(cluster, {
      ...{ signal: release.signal, run: runOf(runs), clock: idleClock() },
      syntheticTraffic: release.syntheticTraffic,
      credentialExpiry: release.credentialExpiry,
    });
    cluster.calls.length = 0;
    const [ended] = await Promise.allSettled([work(ctx)]);
    await idle();
    if (ended.status === 'rejected') throw ended.reason;
    return ended.value;
  }

  const release: WebRelease = {
    cluster,
    answer: () => 200,
    syntheticTraffic: { kind: 'off' },
    signal: new AbortController().signal,
    ctx: () => ctx,
    runs: () => runs,
    stage: (text, more = {}) =>
      step(async ctx => {
        const { run } = ctx;
        const inputs: DeployInputs<'blue-green'> = {
          ...{ ...deployInputs, run, strategy: 'blue-green', roles: ['blue', 'green'], switch: 'manual' },
          ...more,
        };
        const read = async (): Promise<BlueGreenDeploy> => {
          return renderBlueGreenRelease(text, inputs, await ctx.records.readState());
        };
        const deploy = await read();
        const adoption = await adoptLive(ctx, deploy, read);
        const adopted = adoption ?? [];
        const staged = await stage(ctx, adoption === undefined ? deploy : await read(), {
          read,
          next: (_ctx, outcome) => Promise.resolve(outcome),
        });
        return { ...staged, changes: [...adopted, ...staged.changes] };
      }),
    promote: (more = {}) =>
      step(ctx => {
        const {
          timeoutMs,
          stableForMs,
          lockTimeoutMs,
          idlePolicy,
          drainMs,
          closeConnections,
          bakeMs = 0,
          rollbackOnFailure,
          historyLimit,
          ...rest
        }: typeof policy & Partial<PromoteRequest & SwitchPolicy> = {
          ...policy,
          ...more,
        };
        return promote(ctx, {
          timeoutMs,
          lockTimeoutMs,
          policy: {
            idlePolicy,
            drainMs,
            closeConnections,
            timeoutMs,
            stableForMs,
            bakeMs,
            rollbackOnFailure,
            historyLimit,
          },
          ...rest,
        });
      }),
    plan: (text, more = {}) =>
      step(async ctx => {
        const { run } = ctx;
        const inputs: DeployInputs<'blue-green'> = {
          ...{ ...deployInputs, run, strategy: 'blue-green', roles: ['blue', 'green'], switch: 'manual' },
          ...more,
        };
        const deploy = renderBlueGreenRelease(text, inputs, await ctx.records.readState());
        return planBlueGreen(ctx, deploy, state => Promise.resolve(renderBlueGreenRelease(text, inputs, state)));
      }),
    go: text =>
      step(ctx => {
        const { run } = ctx;
        const inputs: DeployInputs<'blue-green'> = {
          ...{ ...deployInputs, run, strategy: 'blue-green', roles: ['blue', 'green'], switch: 'auto' },
        };
        const draft = {
          release: 'web',
          request: requestOf(text, undefined),
          preStopSeconds: Promise.resolve(undefined),
        };
        return deployBlueGreen(ctx, { inputs, draft });
      }),
    reject: ({ timeoutMs = 60_000 } = {}) =>
      step(ctx =>
        reject(ctx, {
          action: 'reject',
          timeoutMs,
          lockTimeoutMs: 0,
          historyLimit: 10,
          run: ctx.run,
          environment: {},
        }),
      ),
    rollback: (more = {}) =>
      step(ctx => {
        const state = stateOf(cluster)!;
        const inputs: Rollback = {
          ...policy,
          action: 'rollback',
          syntheticTraffic: { kind: 'off' },
          stableForMs: 0,
          run: ctx.run,
          job: { serverUrl: 'https://github.com', runnerName: 'runner-1' },
          environment: {},
          ...more,
        };
        return state.strategy === 'rolling'
          ? rollBackRolling(ctx, { inputs, state })
          : rollBackBlueGreen(ctx, { inputs, state });
      }),
    planRolling: text =>
      step(async ctx => {
        const inputs: DeployInputs<'rolling'> = { ...deployInputs, run: ctx.run, strategy: 'rolling' };
        return planRolling(ctx, renderRollingRelease(text, inputs, await readToDeploy(ctx, inputs)));
      }),
    deploy: (text, more = {}) =>
      step(async ctx => {
        const inputs: DeployInputs<'rolling'> = { ...deployInputs, run: ctx.run, strategy: 'rolling', ...more };
        const render = (recorded: ReleaseState): RollingDeploy => renderRollingRelease(text, inputs, recorded);
        const first = render(await readToDeployOnceSettled(ctx, inputs));
        return deployRolling(ctx, first, async () => render(await readToDeploy(ctx, inputs)));
      }),
    async post({ interrupted = false } = {}) {
      const { savedPostStates } = ctx;
      if (!interrupted) cluster.before = () => undefined;
      cluster.calls.length = 0;
      const [postState] = savedPostStates;
      if (postState === undefined) throw new Error('the killed step saved no state for its post step');
      const holder = `post step of run ${ctx.run.runId}`;
      const after = stepOn(cluster, { run: ctx.run, clock: idleClock(), holder, after: postState.lockHolder });
      return restoreInterrupted(after, { postState, rollbackOnFailure: true }).finally(idle);
    },
    close: stop,
  };
  open.add(release);
  return release;
}

/** What the steps and the controllers made, with uids, generations and owners of fields. */
function copyObjects({ store: { registry: from } }: MemoryCluster, { store: { registry: to } }: MemoryCluster): void {
  for (const resource of from.storage.resources().filter(name => !/^(nodes|namespaces|events|cluster)/.test(name)))
    for (const object of from.storage.list(resource)) to.storage.write(resource, clone(object));
}

/** The record of a blue/green release. */
export function blueGreenStateOf(cluster: MemoryCluster): BlueGreenState | undefined {
  const state = stateOf(cluster);
  return state?.strategy === 'blue-green' ? state : undefined;
}

function renderBlueGreenRelease(
  text: string,
  inputs: DeployInputs<'blue-green'>,
  recorded: ReleaseState | undefined,
): BlueGreenDeploy {
  const roleNames = ['blue', 'green'] as const;
  const { resources } = renderRoles({ ...requestOf(text, recorded), roles: roleNames });
  const everything = [...resources.shared, ...Object.values(resources.of).flat()].map(({ object }) => object);
  const services = Object.values(resources.publicServices).flatMap(list => list.map(({ object }) => object));
  const names = { publicServices: publicServicesOf(resources, roleNames), roleNames };
  const wasRolling = recorded?.strategy === 'rolling';
  const state = wasRolling ? asBlueGreen(recorded, names) : (recorded ?? newBlueGreen('web', names));
  const contentHash = hashOf([everything, services]);
  return { inputs, state, resources, contentHash, ...(wasRolling && { wasRolling }) };
}

function renderRollingRelease(text: string, inputs: DeployInputs<'rolling'>, recorded: ReleaseState): RollingDeploy {
  const leaves = recorded.strategy === 'blue-green' && hasRoles(recorded) ? recorded : undefined;
  const state = recorded.strategy === 'blue-green' ? asRolling(recorded) : recorded;
  const { resources } = renderManifests(requestOf(text, state));
  const contentHash = hashOf(resources.map(({ object }) => object));
  return { inputs, state, resources, contentHash, ...(leaves !== undefined && { leaves }) };
}

function requestOf(text: string, state: ReleaseState | undefined): RenderRequest {
  return {
    manifests: readDocuments([{ file: 'app.yml', text }]),
    builtIns: { REVISION: String((state?.latest ?? 0) + 1) },
    variables: {},
    environment: {},
    substitution: 'on',
    images: [],
    namespace: 'shop',
    release: 'web',
  };
}

const recordRef: ObjectRef = { apiVersion: 'v1', kind: 'Secret', namespace: 'shop', name: 'cutover-web' };

/** The record as it is in the cluster; reading it is no call. */
export function stateOf({ store }: MemoryCluster): ReleaseState | undefined {
  const live = store.get(recordRef);
  return live && decodeState(live);
}

export function revisionOf({ store }: MemoryCluster, number: number): Revision | undefined {
  const live = store.get({ ...recordRef, name: `cutover-web.${number}` });
  return live && decodeRevision(live);
}

/** What an interrupted step is interrupted with. */
export const killed = new CutoverError('the process was killed', { code: 'unreachable' });
export const denied = new CutoverError('an admission webhook denied it', { code: 'forbidden' });

const isWrite = (call: string): boolean => /^(APPLY|CREATE|EVICT|REASSIGN|REPLACE|REMOVE) /.test(call);

/** From the n-th write on (1 is the first) nothing reaches the cluster any more: what is there is what a kill leaves. */
export function killAtWrite(cluster: MemoryCluster, n: number): void {
  let writes = 0;
  cluster.before = call => {
    if (isWrite(call)) writes += 1;
    if (writes >= n) throw killed;
  };
}

/** Only these writes are refused, by their number (1 is the first). */
export function refuseWrites(cluster: MemoryCluster, ...numbers: readonly number[]): void {
  let writes = 0;
  cluster.before = call => {
    if (isWrite(call) && numbers.includes(++writes)) throw denied;
  };
}

/** What was on record when each write was asked for: the kind of the unfinished operation, or `-` for none. */
export function traceWrites(cluster: MemoryCluster): (readonly [write: string, unfinished: string])[] {
  const trace: (readonly [string, string])[] = [];
  cluster.before = call => {
    if (isWrite(call)) trace.push([call, unfinished(cluster)]);
  };
  return trace;
}

export const unfinished = (cluster: MemoryCluster): string => stateOf(cluster)?.operation?.kind ?? '-';

/** Whoever watches endpoints hears of them late; gives for each watch how many writes there were in the meantime. */
export function slowEndpoints(cluster: MemoryCluster): readonly number[] {
  const written: number[] = [];
  const watch = cluster.watch.bind(cluster);
  cluster.watch = async function* (kind, options) {
    if (kind.kind === 'EndpointSlice') {
      const before = cluster.writes().length;
      await idle();
      written.push(cluster.writes().length - before);
    }
    yield* watch(kind, options);
  };
  return written;
}

/** What was thrown. */
export async function failureOf(work: Promise<unknown>): Promise<FailedStep | CutoverError> {
  const thrown: unknown = await work.then(
    () => new Error('the step did not fail'),
    (error: unknown) => error,
  );
  if (thrown instanceof FailedStep || thrown instanceof CutoverError) return thrown;
  throw thrown;
}

/** How a step ended, well or not. */
export function endOf(work: Promise<Outcome>): Promise<Outcome | FailedStep | CutoverError> {
  return work.catch((thrown: unknown) => failureOf(Promise.reject(thrown as Error)));
}

/** Images of the ready pods that the public Service selects, as its endpoints say: what users get, pod by pod. */
export function served({ store }: MemoryCluster): readonly string[] {
  const slices = store.list(
    { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', namespace: 'shop' },
    { labels: { 'kubernetes.io/service-name': 'web' } },
  );
  return slices
    .flatMap(slice => (slice['endpoints'] ?? []) as readonly Endpoint[])
    .filter(({ conditions }) => conditions.ready)
    .map(({ targetRef }) => store.get({ apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: targetRef.name }))
    .map(pod => (pod?.['spec'] as { containers: readonly { image: string }[] }).containers[0]!.image)
    .sort();
}

interface Endpoint {
  readonly conditions: { readonly ready: boolean };
  readonly targetRef: { readonly name: string };
}

const at = (apiVersion: string, kind: string, name: string): ObjectRef => ({
  apiVersion,
  kind,
  namespace: 'shop',
  name,
});
export const deploymentRef = (name: string): ObjectRef => at('apps/v1', 'Deployment', name);
export const configRef = (name: string): ObjectRef => at('v1', 'ConfigMap', name);
export const serviceRef = (name: string): ObjectRef => at('v1', 'Service', name);
export const autoscalerRef = (name: string): ObjectRef => at('autoscaling/v2', 'HorizontalPodAutoscaler', name);

/** Everything that is of the application and not of the record, with its content: equal when nothing was changed. */
export function application({ store }: MemoryCluster): readonly unknown[] {
  const kinds = ['v1/ConfigMap', 'v1/Service', 'apps/v1/Deployment', 'autoscaling/v2/HorizontalPodAutoscaler'];
  return kinds
    .flatMap(kind => {
      const slash = kind.lastIndexOf('/');
      return store.list({ apiVersion: kind.slice(0, slash), kind: kind.slice(slash + 1), namespace: 'shop' });
    })
    .filter(({ metadata }) => !/^cutover-/.test(metadata.name) && metadata.name !== 'kube-root-ca.crt')
    .map(({ kind, metadata, spec, data }: KubeObject) => {
      const { name, labels = {}, annotations = {} } = metadata;
      const { 'deployment.kubernetes.io/revision': _rollouts, ...own } = annotations;
      return { kind, name, labels, annotations: own, spec, data };
    });
}

export const leaseRef: ObjectRef = at('coordination.k8s.io/v1', 'Lease', 'cutover-web');

/** Replicas that a Deployment is meant to have. */
export function replicasIn({ store }: MemoryCluster, name: string): number | undefined {
  return (store.get(deploymentRef(name))?.['spec'] as { replicas: number } | undefined)?.replicas;
}

/** Somebody, or an autoscaler, gives a Deployment another size. */
export function setReplicas({ store }: MemoryCluster, name: string, replicas: number): void {
  const live = store.get(deploymentRef(name))!;
  store.update({ ...live, spec: { ...(live['spec'] as object), replicas } }, { manager: 'kube-controller-manager' });
}

/** Manifests that give each role its Deployment, configuration and autoscaler, all of this version. */
export function roleManifests(version: string, { replicas = 2, autoscaler = true } = {}): string {
  return `apiVersion: v1
kind: ConfigMap
metadata: {name: web-$<TARGET_ROLE>}
data: {version: "${version}"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web-$<TARGET_ROLE>}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: web, role: $<TARGET_ROLE>}}
  template:
    metadata: {labels: {app: web, role: $<TARGET_ROLE>}}
    spec: {containers: [{name: web, image: "site:${version}", ports: [{containerPort: 8080}]}]}
---
${autoscaler ? autoscalerOf('web-$<TARGET_ROLE>') : ''}apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web, role: $<TARGET_ROLE>}, ports: [{port: 80, targetPort: 8080}]}
`;
}

const autoscalerOf = (name: string): string => `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: ${name}}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: ${name}}, minReplicas: 2, maxReplicas: 4}
---
`;

/** Manifests that know of no roles. */
export function plainManifests(version: string, { autoscaler = false } = {}): string {
  return `${autoscaler ? autoscalerOf('web') : ''}apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {version: "${version}"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "site:${version}", ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
`;
}
