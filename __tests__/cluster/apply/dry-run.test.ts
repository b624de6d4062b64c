import { describe, expect, it } from '@jest/globals';
import { asJson } from '../../../sandbox/api/schema/json.js';
import { appliedHash } from '../../../src/cluster/apply/applied-identity.js';
import { applyChange } from '../../../src/cluster/apply/apply-change.js';
import { requirePlan } from '../../../src/cluster/apply/dry-run-all.js';
import { apiError } from '../../../src/cluster/http/error-status.js';
import type { CutoverError } from '../../../src/errors.js';
import type { RecreatePolicy } from '../../../src/inputs/inputs.js';
import { recreate as parseRecreate } from '../../../src/inputs/parse/recreate.js';
import { Refusal } from '../../../src/inputs/refusal.js';
import { refKey, refOf, type KubeObject } from '../../../src/kubernetes/object.js';
import { differs, type PlannedChange } from '../../../src/plan/change.js';
import { memoryCluster, type MemoryCluster } from '../../support/cluster/memory-cluster.js';
import { handClock } from '../../support/cluster/scripted-server.js';
import { listLog } from '../../support/log.js';

/** The policy that the input is parsed to. */
const recreatePolicy = (input: string): RecreatePolicy => parseRecreate(input);

const at = { file: 'app.yml', line: 1, column: 1 };

interface Wish {
  readonly force?: boolean;
  readonly recreate?: RecreatePolicy;
}

const ask = async (cluster: MemoryCluster, object: KubeObject, wish: Wish = {}): Promise<PlannedChange> => {
  const { force = false, ...rest } = wish;
  const [planned] = await requirePlan({ cluster, resources: [{ object, at, positionOf: () => at }], force, ...rest });
  if (planned === undefined) throw new Error('nothing was planned');
  return planned;
};

const refused = async (work: Promise<unknown>): Promise<CutoverError> => {
  try {
    await work;
  } catch (error) {
    return error as CutoverError;
  }
  throw new Error('nothing was refused');
};

const live = (cluster: MemoryCluster, { apiVersion, kind, metadata }: KubeObject): KubeObject => {
  const found = cluster.store.get({ apiVersion, kind, name: metadata.name, namespace: 'shop' });
  if (found === undefined) throw new Error(`${kind} ${metadata.name} is not there`);
  return found;
};

const deploy = async (cluster: MemoryCluster, object: KubeObject, wish: Wish = {}): Promise<PlannedChange> => {
  const planned = await ask(cluster, object, wish);
  const { signal } = new AbortController();
  const options = {
    cluster,
    writer: cluster,
    clock: handClock(),
    log: listLog(),
    signal,
    force: wish.force ?? false,
    timeoutMs: 1000,
  };
  if (planned.change !== 'unchanged') await applyChange(planned, options);
  return planned;
};

const deployment = (spec: object, image = 'site:v1'): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'shop' },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image }] } },
    ...spec,
  },
});

const replicasOf = (object: KubeObject): unknown => (object['spec'] as { replicas?: unknown }).replicas;

const configMap = (data: object): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'web', namespace: 'shop', annotations: { 'cutover/release': 'web' } },
  data,
});

const managersOf = (object: KubeObject): readonly string[] =>
  (object.metadata.managedFields as readonly { manager: string; operation: string }[]).map(
    ({ manager, operation }) => `${manager} ${operation}`,
  );

describe('an object that is being deleted', () => {
  const finalized = (object: KubeObject): KubeObject => ({
    ...object,
    metadata: { ...object.metadata, finalizers: ['example.com/address', 'example.com/name'] },
  });

  it.each([
    ['would not change', configMap({ KEY: 'a' })],
    ['would change', configMap({ KEY: 'b' })],
  ])('stops the deploy, with its finalizers, where it %s', async (_, wanted) => {
    const cluster = memoryCluster();
    await deploy(cluster, configMap({ KEY: 'a' }));
    const before = live(cluster, wanted);
    const hash = appliedHash(configMap({ KEY: 'a' }), before);
    cluster.store.update(finalized(before), { manager: 'operator' });
    cluster.store.remove(refOf(before));
    const ask = requirePlan({
      cluster,
      resources: [{ object: wanted, at, positionOf: () => at }],
      force: false,
      applied: { [refKey(refOf(before))]: hash ?? '' },
    });
    const { code, message } = await refused(ask);
    expect([code, message]).toEqual([
      'conflict',
      expect.stringMatching(
        /^ConfigMap shop\/web: it is being deleted \(deletionTimestamp 2.*Z\), which waits for its finalizers example.com\/address, example.com\/name; nothing was changed$/,
      ),
    ]);
  });

  it('stops no deploy where it is a Job that its TTL deletes', async () => {
    const job: KubeObject = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'web', namespace: 'shop' },
      spec: {
        ttlSecondsAfterFinished: 0,
        template: { spec: { restartPolicy: 'Never', containers: [{ name: 'web', image: 'site:v1' }] } },
      },
    };
    const cluster = memoryCluster();
    await deploy(cluster, job);
    cluster.store.update(finalized(live(cluster, job)), { manager: 'operator' });
    cluster.store.remove(refOf(job));
    await expect(ask(cluster, job)).resolves.toMatchObject({ change: 'unchanged' });
  });
});

describe('fields of a previous manager', () => {
  it.each(['kubectl-client-side-apply', 'kubectl-create', 'before-first-apply', 'helm'])(
    'by %s is taken over at the first deploy, and what the manifest no longer has goes',
    async manager => {
      const cluster = memoryCluster();
      cluster.givenBy(manager, configMap({ KEPT: '1', CHANGED: '1', GONE: '1' }));
      const wanted = configMap({ KEPT: '1', CHANGED: '2' });
      expect(await deploy(cluster, wanted)).toMatchObject({ change: 'changed', from: [manager] });
      expect(live(cluster, wanted)['data']).toEqual({ KEPT: '1', CHANGED: '2' });
      expect(managersOf(live(cluster, wanted))).toEqual(['cutover Apply']);
      // Once: from now on such a manager is one of the present.
      cluster.calls.length = 0;
      expect((await deploy(cluster, wanted)).change).toBe('unchanged');
      expect(cluster.writes()).toEqual([]);
    },
  );

  it('are migrated without a conflict too', async () => {
    const cluster = memoryCluster();
    cluster.givenBy('kubectl-client-side-apply', configMap({ A: '1', B: '1' }));
    await deploy(cluster, configMap({ A: '1' }));
    expect(live(cluster, configMap({}))['data']).toEqual({ A: '1' });
  });

  it('stay when they were set manually and the manifest does not set them', async () => {
    const cluster = memoryCluster();
    cluster.givenBy('kubectl-client-side-apply', configMap({ A: '1' }));
    const edited = live(cluster, configMap({}));
    cluster.store.update({ ...edited, data: { A: '2', BY_HAND: '1' } }, { manager: 'kubectl-edit' });
    await deploy(cluster, configMap({ A: '3' }));
    expect(live(cluster, configMap({}))['data']).toEqual({ A: '3', BY_HAND: '1' });
  });

  it('are not taken over from another manager: all conflicts are reported, with both values', async () => {
    const cluster = memoryCluster();
    cluster.givenBy('kubectl-client-side-apply', configMap({ A: '1' }));
    const found = live(cluster, configMap({}));
    cluster.store.update({ ...found, data: { A: '1', B: 'theirs' } }, { manager: 'operator' });
    const error = await refused(ask(cluster, configMap({ A: '2', B: 'ours' })));
    expect(error).toMatchObject({ code: 'conflict' });
    expect(error.problems.map(({ message }) => message)).toEqual([
      'ConfigMap shop/web: data.A: conflict with "kubectl-client-side-apply" using v1: the live value is "1", the manifest has "2"',
      'ConfigMap shop/web: data.B: conflict with "operator" using v1: the live value is "theirs", the manifest has "ours"',
    ]);
  });

  it('are not migrated once Cutover has applied the object: a manual change is a conflict', async () => {
    const cluster = memoryCluster();
    await deploy(cluster, configMap({ A: '1' }));
    const edited = live(cluster, configMap({}));
    cluster.store.update({ ...edited, data: { A: '2' } }, { manager: 'kubectl-edit' });
    expect(await refused(ask(cluster, configMap({ A: '3' })))).toMatchObject({ code: 'conflict' });
  });

  it('are not shown where they are conflicting values of a Secret', async () => {
    const cluster = memoryCluster();
    const secret = (value: string): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'web', namespace: 'shop' },
      data: { PASSWORD: Buffer.from(value).toString('base64') },
    });
    cluster.given(secret('theirs'));
    const error = await refused(ask(cluster, secret('ours')));
    expect(error.problems.map(({ message }) => message)).toEqual([
      'Secret shop/web: data.PASSWORD: conflict with "operator" using v1: the live value is ***, the manifest has ***',
    ]);
  });

  it('are migrated with retries when a controller writes in between, up to a limit', async () => {
    const cluster = memoryCluster();
    cluster.givenBy('kubectl-client-side-apply', configMap({ A: '1' }));
    let times = 2;
    const meddle = (call: string): void => {
      if (!call.startsWith('REASSIGN') || times === 0) return;
      times -= 1;
      const now = live(cluster, configMap({}));
      cluster.store.update({ ...now, metadata: { ...now.metadata, labels: { turn: String(times) } } }, {});
    };
    cluster.before = meddle;
    await deploy(cluster, configMap({ A: '2' }));
    expect(cluster.calls.filter(call => call.startsWith('REASSIGN'))).toHaveLength(3);
    expect(managersOf(live(cluster, configMap({})))).toContain('cutover Apply');
  });
});

/** A Deployment whose pods have this container, and these volumes. */
const withPod = (container: object, pod: object = {}, spec: object = {}): KubeObject =>
  deployment({
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', image: 'site:v1', ...container }], ...pod },
    },
    ...spec,
  });
const settings = { configMapKeyRef: { name: 'settings', key: 'LEVEL' } };

describe('a change that is only refused because of fields that an apply would remove', () => {
  const cases: readonly (readonly [string, KubeObject, KubeObject])[] = [
    [
      'a variable from a reference instead of a value',
      withPod({ env: [{ name: 'LEVEL', value: 'info' }] }),
      withPod({ env: [{ name: 'LEVEL', valueFrom: settings }] }),
    ],
    [
      'another handler of a probe',
      withPod({ readinessProbe: { httpGet: { path: '/', port: 8080 } } }),
      withPod({ readinessProbe: { tcpSocket: { port: 8080 } } }),
    ],
    [
      'another handler of a hook',
      withPod({ lifecycle: { preStop: { exec: { command: ['true'] } } } }),
      withPod({ lifecycle: { preStop: { sleep: { seconds: 5 } } } }),
    ],
    [
      'another port with the same name',
      withPod({ ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }] }),
      withPod({ ports: [{ name: 'http', containerPort: 9090, protocol: 'TCP' }] }),
    ],
    ['strategy Recreate', withPod({}), withPod({}, {}, { strategy: { type: 'Recreate' } })],
    [
      'strategy Recreate after limits of a rolling update',
      withPod({}, {}, { strategy: { rollingUpdate: { maxSurge: 1 } } }),
      withPod({}, {}, { strategy: { type: 'Recreate' } }),
    ],
    [
      'another source of a volume',
      withPod({}, { volumes: [{ name: 'scratch' }] }),
      withPod({}, { volumes: [{ name: 'scratch', configMap: { name: 'settings' } }] }),
    ],
  ];

  it.each(cases)('is planned as after the migration of what kubectl applied: %s', async (_what, before, after) => {
    const cluster = memoryCluster();
    cluster.givenBy('kubectl-client-side-apply', before);
    const planned = await deploy(cluster, after);
    expect(planned).toMatchObject({ change: 'changed', from: ['kubectl-client-side-apply'] });
    // The plan has shown exactly what the apply has stored.
    expect(differs(live(cluster, after), planned.after!)).toBe(false);
    cluster.calls.length = 0;
    expect((await deploy(cluster, after)).change).toBe('unchanged');
  });

  it.each(cases)('is made whole where the API server had filled the fields in: %s', async (_what, before, after) => {
    const cluster = memoryCluster();
    for (const manifest of [before, after, before, after]) {
      const planned = await deploy(cluster, manifest);
      if (planned.live !== undefined) expect(differs(live(cluster, manifest), planned.after!)).toBe(false);
      expect(managersOf(live(cluster, manifest))).toEqual(['cutover Apply']);
    }
  });

  it('stays refused where another manager set the fields', async () => {
    const cluster = memoryCluster();
    await deploy(cluster, withPod({}));
    const found = live(cluster, withPod({}));
    const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 2, maxUnavailable: 0 } };
    const spec = { ...(found['spec'] as object), strategy };
    cluster.store.update({ ...found, spec }, { manager: 'operator' });
    const error = await refused(ask(cluster, withPod({}, {}, { strategy: { type: 'Recreate' } })));
    expect(error).toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('spec.strategy.rollingUpdate') as unknown,
    });
    expect(cluster.writes()).not.toContain('REASSIGN Deployment shop/web');
  });

  it('is planned although a controller writes in between', async () => {
    const cluster = memoryCluster();
    await deploy(cluster, withPod({}));
    const wanted = withPod({}, {}, { strategy: { type: 'Recreate' } });
    let writes = 2;
    cluster.before = call => {
      if (!call.startsWith('TRY REPLACE') || writes-- <= 0) return;
      const status = { observedGeneration: writes };
      cluster.store.update({ ...live(cluster, wanted), status }, { part: 'status', manager: 'controller' });
    };
    expect(await deploy(cluster, wanted)).toMatchObject({ change: 'changed', claims: true });
  });

  it('keeps replicas that the manifest leaves to others', async () => {
    const cluster = memoryCluster();
    await deploy(cluster, withPod({}, {}, { replicas: 5 }));
    const wanted = withPod({}, {}, { strategy: { type: 'Recreate' } });
    await deploy(cluster, wanted);
    expect(replicasOf(live(cluster, wanted))).toBe(5);
  });
});

describe('a webhook without dry-run support', () => {
  const wanted = configMap({ A: '2' });
  const words = 'admission webhook "policy.example.org" does not support dry run';
  const withWebhook = (): MemoryCluster => {
    const cluster = memoryCluster();
    cluster.before = call => {
      if (!call.startsWith('DRY RUN')) return;
      const body = JSON.stringify({ kind: 'Status', reason: 'BadRequest', code: 400, message: words });
      throw apiError(400, Buffer.from(body), { verb: 'patch', target: refOf(wanted), resource: 'configmaps' });
    };
    return cluster;
  };

  it('leaves an object unchecked, which is still created or changed', async () => {
    const cluster = withWebhook();
    expect(await deploy(cluster, wanted)).toEqual({ resource: expect.anything(), change: 'created' });
    const again = await ask(cluster, configMap({ A: '3' }));
    expect(again).toMatchObject({ change: 'changed', live: { data: { A: '2' } } });
    expect(again).not.toHaveProperty('after');
  });
});

describe('a kind that is defined but not served yet', () => {
  const thing: KubeObject = {
    apiVersion: 'example.org/v1',
    kind: 'Thing',
    metadata: { name: 'one', namespace: 'shop' },
  };
  const planned: PlannedChange = { resource: { object: thing, at, positionOf: () => at }, change: 'created' };
  const { signal } = new AbortController();

  it('is retried every half second, for half a minute', async () => {
    const cluster = memoryCluster();
    const clock = handClock();
    const options = { cluster, writer: cluster, clock, log: listLog(), signal, force: false, timeoutMs: 1000 };
    await expect(applyChange(planned, options)).rejects.toMatchObject({ code: 'unknown-kind' });
    expect(clock.waits).toEqual(Array.from({ length: 60 }, () => 500));
  });

  it('is not retried where the dry run succeeded', async () => {
    const clock = handClock();
    const cluster = memoryCluster();
    const options = { cluster, writer: cluster, clock, log: listLog(), signal, force: false, timeoutMs: 1000 };
    await expect(applyChange({ ...planned, after: thing }, options)).rejects.toMatchObject({ code: 'unknown-kind' });
    expect(clock.waits).toEqual([]);
  });
});

describe('replicas', () => {
  it('that the manifest does not set keep their owner and their value', async () => {
    const cluster = memoryCluster();
    cluster.givenBy('kubectl-client-side-apply', deployment({ replicas: 5 }));
    await deploy(cluster, deployment({}, 'site:v2'));
    expect(replicasOf(live(cluster, deployment({})))).toBe(5);
    await deploy(cluster, deployment({}, 'site:v3'));
    expect(replicasOf(live(cluster, deployment({})))).toBe(5);
  });

  it('stay as they are when the manifest does not set them any more', async () => {
    const cluster = memoryCluster();
    await deploy(cluster, deployment({ replicas: 5 }));
    await deploy(cluster, deployment({}, 'site:v2'));
    expect(replicasOf(live(cluster, deployment({})))).toBe(5);
  });

  it('of an autoscaler are never forced, whatever the previous manager', async () => {
    const cluster = memoryCluster();
    cluster.givenBy('kubectl-client-side-apply', deployment({ replicas: 2 }));
    const { registry } = cluster.store;
    const kind = registry.kinds.byKind('apps/v1', 'Deployment');
    if (kind === undefined) throw new Error('the embedded cluster has no Deployments');
    const found = live(cluster, deployment({}));
    const scaled = { ...found, spec: { ...(found['spec'] as object), replicas: 7 } };
    registry.update(kind, asJson(scaled), { manager: 'kube-controller-manager', part: 'scale' });
    expect(replicasOf(live(cluster, deployment({})))).toBe(7);
    await deploy(cluster, deployment({ replicas: 2 }, 'site:v2'));
    expect(replicasOf(live(cluster, deployment({})))).toBe(7);
    await deploy(cluster, deployment({ replicas: 2 }, 'site:v3'), { force: true });
    expect(replicasOf(live(cluster, deployment({})))).toBe(7);
  });
});

const job = (image: string): KubeObject => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'task', image }] } } },
});
const jobs: RecreatePolicy = { jobs: true, objects: [] };

describe('an object that cannot be changed', () => {
  it('is recreated after its deletion when it is a Job', async () => {
    const cluster = memoryCluster();
    await deploy(cluster, job('task:v1'));
    const before = live(cluster, job(''));
    cluster.calls.length = 0;
    const planned = await ask(cluster, job('task:v2'), { recreate: jobs });
    expect(planned.change).toBe('recreated');
    expect(cluster.writes()).toEqual([]);
    await deploy(cluster, job('task:v2'), { recreate: jobs });
    const after = live(cluster, job(''));
    expect(after.metadata.uid).not.toBe(before.metadata.uid);
    expect(after).toMatchObject({ spec: { template: { spec: { containers: [{ image: 'task:v2' }] } } } });
    expect(cluster.writes()).toEqual(['REMOVE Job shop/web', 'APPLY Job shop/web']);
  });

  it('is rejected where nothing may be recreated, with the setting that would allow it', async () => {
    const cluster = memoryCluster();
    await deploy(cluster, job('task:v1'));
    const error = await refused(ask(cluster, job('task:v2')));
    expect(error).toMatchObject({ code: 'invalid', hint: expect.stringContaining('`recreate: jobs`') });
    expect(error.problems[0]?.message).toMatch(/spec\.template.*field is immutable/);
    await deploy(cluster, deployment({}));
    const other = deployment({ selector: { matchLabels: { app: 'web', tier: 'front' } } });
    const template = {
      metadata: { labels: { app: 'web', tier: 'front' } },
      spec: { containers: [{ name: 'web', image: 'site:v1' }] },
    };
    const wanted = { ...other, spec: { ...(other['spec'] as object), template } };
    expect(await refused(ask(cluster, wanted, { recreate: jobs }))).toMatchObject({
      hint: expect.stringContaining('`recreate: Deployment/web`'),
    });
    const named = { jobs: false, objects: [{ kind: 'deployment', name: 'web' }] };
    expect((await deploy(cluster, wanted, { recreate: named })).change).toBe('recreated');
  });

  const named: RecreatePolicy = { jobs: false, objects: [{ kind: 'Deployment', name: 'web' }] };
  const cause = (field: string, message: string) => ({ details: { causes: [{ field, message }] } });

  /** What is planned for a Deployment whose next dry run the API server answers like this. */
  async function planAfter(code: number, answer: object): Promise<PlannedChange> {
    const cluster = memoryCluster();
    await deploy(cluster, deployment({}));
    const body = Buffer.from(JSON.stringify({ kind: 'Status', status: 'Failure', code, ...answer }));
    const about = { verb: 'patch', target: refOf(deployment({})), resource: 'deployments' };
    cluster.before = call => {
      if (call === 'DRY RUN Deployment shop/web') throw apiError(code, body, about);
    };
    return ask(cluster, deployment({}, 'site:v2'), { recreate: named });
  }

  it.each([
    ['a failure of etcd', 500, { message: 'etcdserver: leader changed' }],
    ['a schema error', 500, { message: 'failed to create typed patch object (shop/web; apps/v1): .spec.a: immutable' }],
    ['a request that is too large', 413, { message: 'etcdserver: request is too large' }],
    [
      'a denial of a webhook',
      400,
      { message: 'admission webhook "freeze.acme.com" denied the request: no updates before Monday' },
    ],
    [
      'a denial of a policy, which names no field',
      422,
      {
        reason: 'Invalid',
        message: "ValidatingAdmissionPolicy 'freeze' with binding 'all' denied request: Deployments are immutable now",
        details: { causes: [{ message: 'Deployments are immutable now' }] },
      },
    ],
    [
      'a denial of a webhook, which names a field',
      422,
      { reason: 'Invalid', ...cause('spec.template', 'no new images before Monday') },
    ],
  ])('is not what %s means: nothing is recreated', async (_what, code, answer) => {
    expect(await refused(planAfter(code, answer))).toMatchObject({ status: code });
  });

  it.each([
    ['spec.selector', 'Invalid value: {…}: field is immutable'],
    [
      'spec',
      "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template' and 'minReadySeconds' are forbidden",
    ],
    ['parameters', 'Forbidden: updates to parameters are forbidden.'],
    ['roleRef', 'Invalid value: rbac.RoleRef{…}: cannot change roleRef'],
    ['value', 'Forbidden: may not be changed in an update.'],
    ['spec', 'Forbidden: pod updates may not change fields other than `spec.containers[*].image`'],
    ['spec.containers', 'Forbidden: pod updates may not add or remove containers'],
    ['spec.size', 'Invalid value: "integer": Value is immutable'],
  ])('is one whose %s the API server rejects with: %s', async (field, message) => {
    const planned = await planAfter(422, { reason: 'Invalid', ...cause(field, message) });
    expect(planned.change).toBe('recreated');
  });

  it.each<[string, string, object, object]>([
    [
      'Service',
      'v1',
      { spec: { clusterIP: '10.96.0.50', ports: [{ port: 80 }] } },
      { spec: { clusterIP: 'None', ports: [{ port: 80 }] } },
    ],
    [
      'PersistentVolumeClaim',
      'v1',
      { spec: { storageClassName: 'a', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
      { spec: { storageClassName: 'b', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
    ],
    ['Secret', 'v1', { type: 'Opaque' }, { type: 'example.org/other' }],
    ['ConfigMap', 'v1', { immutable: true, data: { a: '1' } }, { immutable: true, data: { a: '2' } }],
    [
      'RoleBinding',
      'rbac.authorization.k8s.io/v1',
      { roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'a' } },
      { roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'b' } },
    ],
    [
      'StatefulSet',
      'apps/v1',
      { spec: { ...(deployment({})['spec'] as object), serviceName: 'a' } },
      { spec: { ...(deployment({})['spec'] as object), serviceName: 'b' } },
    ],
    [
      'Pod',
      'v1',
      { spec: { containers: [{ name: 'web', image: 'a' }] } },
      { spec: { containers: [{ name: 'other', image: 'a' }] } },
    ],
  ])('%s has a remedy that the action accepts and that works', async (...row) => {
    const [kind, apiVersion, before, after] = row;
    const object = (content: object): KubeObject => ({
      apiVersion,
      kind,
      metadata: { name: 'one', namespace: 'shop' },
      ...content,
    });
    const cluster = memoryCluster();
    await deploy(cluster, object(before));
    const { hint = '' } = await refused(ask(cluster, object(after)));
    expect(hint).toContain('It cannot be changed in place.');
    expect(hint.includes('deletes its pods too')).toBe(kind === 'StatefulSet');
    const input = /`recreate: ([^`]+)`/.exec(hint)?.[1];
    if (input === undefined) expect(() => recreatePolicy(`${kind}/one`)).toThrow(Refusal);
    else expect((await deploy(cluster, object(after), { recreate: recreatePolicy(input) })).change).toBe('recreated');
  });

  it('is not deleted when the new one would be rejected as well', async () => {
    const cluster = memoryCluster();
    await deploy(cluster, job('task:v1'));
    const wrong = { ...job('task:v2'), spec: { ...(job('task:v2')['spec'] as object), backoffLimit: -1 } };
    const error = await refused(ask(cluster, wrong, { recreate: jobs }));
    expect(error.problems.map(({ field }) => field)).toEqual(['spec.backoffLimit']);
    expect(cluster.writes()).toEqual(['APPLY Job shop/web']);
  });

  it('is not deleted while it is running', async () => {
    const cluster = memoryCluster();
    await deploy(cluster, job('task:v1'));
    cluster.store.update({ ...live(cluster, job('')), status: { active: 1, ready: 1 } }, { part: 'status' });
    expect(await refused(ask(cluster, job('task:v2'), { recreate: jobs }))).toMatchObject({
      code: 'conflict',
      problems: [{ message: 'Job shop/web: it must be recreated, but its pods are running' }],
    });
  });

  it('must be in the manifests when the policy names it', async () => {
    const lost = { jobs: false, objects: [{ kind: 'StatefulSet', name: 'db' }] };
    expect(await refused(ask(memoryCluster(), job('task:v1'), { recreate: lost }))).toMatchObject({
      code: 'input',
      message: 'Input recreate names StatefulSet/db, which the manifests do not have',
    });
  });
});
