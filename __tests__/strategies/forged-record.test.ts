import { afterEach, describe, expect, it } from '@jest/globals';
import { refOf, type KubeObject, type ObjectRef } from '../../src/kubernetes/object.js';
import type { Revision } from '../../src/release/revision.js';
import type { BlueGreenState } from '../../src/release/state.js';
import { forgeRevision, forgeState } from '../support/strategies/forgery.js';
import {
  autoscalerRef,
  closeReleases,
  configRef,
  deploymentRef,
  endOf,
  killAtWrite,
  leaseRef,
  plainManifests,
  releaseAfter,
  roleManifests,
  serviceRef,
  stateOf,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const refs = [serviceRef('neighbour'), deploymentRef('neighbour'), autoscalerRef('neighbour'), configRef('neighbour')];
const service = refs[0]!;

/** The objects of another release in the same namespace. `most`: a number in their content. */
function neighbour(most: number): readonly KubeObject[] {
  return refs.map(ref => objectOf(ref, most));
}

function objectOf({ apiVersion, kind, name, namespace = '' }: ObjectRef, most: number): KubeObject {
  const labels = { app: 'neighbour' };
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name };
  const containers = [{ name: 'web', image: 'site:v1', ports: [{ containerPort: 8080 }] }];
  const specs: Readonly<Record<string, object>> = {
    Service: { spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 + most }] } },
    Deployment: {
      spec: {
        replicas: most,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers } },
      },
    },
    HorizontalPodAutoscaler: { spec: { scaleTargetRef, minReplicas: 1, maxReplicas: most } },
    ConfigMap: { data: { most: String(most) } },
  };
  const metadata = { name, namespace, annotations: { 'cutover/release': 'neighbour' } };
  return { apiVersion, kind, metadata, ...specs[kind] };
}

async function withNeighbour({ cluster }: WebRelease): Promise<void> {
  for (const object of neighbour(1)) await cluster.apply(object);
}

const liveNeighbour = ({ cluster: { store } }: WebRelease) => refs.map(ref => store.get(ref)!);
const contentOf = (release: WebRelease) =>
  liveNeighbour(release).map(({ metadata: { uid, labels, annotations, managedFields }, spec, data }) => {
    return { uid, labels, annotations, managedFields, spec, data };
  });

/** The objects as the record would have them: with other content than the live ones. */
function forged(release: WebRelease): readonly KubeObject[] {
  const live = liveNeighbour(release);
  return neighbour(3).map((object, index) => ({
    ...object,
    metadata: { ...live[index]!.metadata, annotations: { 'cutover/release': 'web' } },
  }));
}

type Slot = (release: WebRelease) => {
  readonly revision?: (revision: Revision) => Partial<Revision>;
  readonly state?: (state: BlueGreenState) => Partial<BlueGreenState>;
};
const snapshots = (release: WebRelease) => forged(release).map(object => ({ ref: refOf(object), object }));
const gone = refs.map((ref: ObjectRef) => ({ ref }));

/** Every part of a record that names objects. */
const slots: Readonly<Record<string, Slot>> = {
  objects: release => ({ revision: ({ objects }) => ({ objects: [...objects, ...forged(release)] }) }),
  applyAfterSwitch: release => ({ revision: () => ({ applyAfterSwitch: forged(release) }) }),
  deleteAfterSwitch: release => ({
    revision: () => ({ deleteAfterSwitch: liveNeighbour(release).map(object => ({ ref: refOf(object) })) }),
  }),
  shared: release => ({ revision: () => ({ shared: forged(release) }) }),
  secrets: () => ({ revision: () => ({ secrets: refs.map(ref => ({ ref, hash: 'x' })) }) }),
  before: release => ({
    revision: ({ before }) => ({ before: [...before, ...snapshots(release)], beforeStaging: snapshots(release) }),
  }),
  'objects that did not exist before': () => ({
    revision: ({ before }) => ({ before: [...before, ...gone], beforeStaging: gone }),
  }),
  publicService: release => ({
    revision: () => ({ publicService: forged(release)[0]! }),
    state: ({ operation }) => ({
      publicService: service,
      ...(operation?.kind === 'switch' && { operation: { ...operation, previousService: snapshots(release)[0]! } }),
    }),
  }),
  'publicService, which did not exist before': release => ({
    revision: () => ({ publicService: forged(release)[0]! }),
    state: ({ operation }) => ({
      publicService: service,
      ...(operation?.kind === 'switch' && { operation: { ...operation, previousService: { ref: service } } }),
    }),
  }),
  'publicService among the snapshots': release => ({
    revision: ({ before }) => ({ before: [...snapshots(release).slice(0, 1), ...before] }),
    state: () => ({ publicService: service }),
  }),
  'the Deployments of the roles': release => ({
    state: ({ roles, staged }) => ({
      roles: Object.fromEntries(
        Object.entries(roles).map(([role, record]) => [
          role,
          { ...record, deployments: [refs[1]!], testService: 'neighbour' },
        ]),
      ),
      ...(staged !== undefined && {
        staged: {
          ...staged,
          objects: liveNeighbour(release).map(({ metadata, ...object }) => {
            return { ref: refOf({ metadata, ...object }), uid: metadata.uid!, hash: '' };
          }),
        },
      }),
    }),
  }),
  adopted: release => ({
    state: () => ({ adopted: { ref: refs[1]!, uid: liveNeighbour(release)[1]!.metadata.uid! } }),
  }),
};

/** Killed at write `n`; nobody holds the lock any more, and a post step can run. */
async function killedAt(web: WebRelease, n: number, step: () => Promise<unknown>): Promise<void> {
  killAtWrite(web.cluster, n);
  await step().catch(() => undefined);
  web.cluster.before = () => undefined;
}
const unlocked = (web: WebRelease): void => {
  if (web.cluster.store.get(leaseRef) !== undefined) web.cluster.store.remove(leaseRef);
};

interface Situation {
  readonly build: (web: WebRelease) => Promise<unknown>;
  /** What interrupts a step; absent: none is. */
  readonly interrupt?: (web: WebRelease) => Promise<unknown>;
  readonly act: (web: WebRelease) => Promise<unknown>;
}
const scaleDown = { idlePolicy: { policy: 'scale-down', replicas: 0 } } as const;
const oneServes = async (web: WebRelease) => {
  await web.stage(roleManifests('v1'));
  await web.promote();
};
const twoStaged = async (web: WebRelease) => {
  await oneServes(web);
  await web.stage(roleManifests('v2'));
};
const twoServe = async (web: WebRelease) => {
  await twoStaged(web);
  await web.promote();
};
const twoDeployed = async (web: WebRelease) => {
  await web.deploy(plainManifests('v1'));
  await web.deploy(plainManifests('v2'));
};

const situations: Readonly<Record<string, Situation>> = {
  'a promotion': { build: twoStaged, act: web => endOf(web.promote(scaleDown)) },
  'a rejection': { build: twoStaged, act: web => endOf(web.reject()) },
  'a blue/green rollback': { build: twoServe, act: web => endOf(web.rollback(scaleDown)) },
  'a rolling rollback': { build: twoDeployed, act: web => endOf(web.rollback()) },
  'another staging': { build: twoServe, act: web => endOf(web.stage(roleManifests('v3'))) },
  'a deploy that leaves the roles': { build: twoServe, act: web => endOf(web.deploy(plainManifests('v3'))) },
  'the post step of a staging': {
    build: oneServes,
    interrupt: web => killedAt(web, 6, () => web.stage(roleManifests('v2'))),
    act: web => web.post(),
  },
  'the post step of a switch': {
    build: twoStaged,
    interrupt: web => killedAt(web, 4, () => web.promote()),
    act: web => web.post(),
  },
  'the work after an interrupted switch': {
    build: twoStaged,
    interrupt: async web => {
      await killedAt(web, 6, () => web.promote(scaleDown));
      unlocked(web);
    },
    act: web => endOf(web.promote(scaleDown)),
  },
  'the post step of a rolling deploy': {
    build: async web => web.deploy(plainManifests('v1')),
    interrupt: web => killedAt(web, 6, () => web.deploy(plainManifests('v2'))),
    act: web => web.post(),
  },
  'the post step of a deploy that leaves the roles': {
    build: twoServe,
    interrupt: web => killedAt(web, 9, () => web.deploy(plainManifests('v3'))),
    act: web => web.post(),
  },
  'the work that leaving the roles has left': {
    build: twoServe,
    interrupt: async web => {
      await killedAt(web, 12, () => web.deploy(plainManifests('v3')));
      unlocked(web);
    },
    act: web => endOf(web.deploy(plainManifests('v3'))),
  },
};

describe.each(Object.entries(situations))('%s, with a forged record,', (_what, { build, interrupt, act }) => {
  const prepared = releaseAfter(async web => {
    await build(web);
    await withNeighbour(web);
  });

  it.each(Object.entries(slots))('writes no object of another release: %s', async (_slot, forge) => {
    const web = await prepared();
    await interrupt?.(web);
    const before = contentOf(web);
    const { revision, state } = forge(web);
    if (revision !== undefined)
      for (const number of stateOf(web.cluster)!.revisions) forgeRevision(web, number, revision);
    if (state !== undefined) forgeState(web, now => ({ ...now, ...state(now) }));
    await Promise.allSettled([act(web)]);
    // Not even one that the API server refuses.
    expect(web.cluster.writes().filter(call => call.endsWith(' shop/neighbour'))).toEqual([]);
    expect(contentOf(web)).toEqual(before);
  });
});
