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

/** Another release, whose objects have its name. */
interface Neighbour {
  readonly name: string;
  readonly namespace: string;
}

const refsOf = ({ name, namespace }: Neighbour): readonly ObjectRef[] =>
  [serviceRef, deploymentRef, autoscalerRef, configRef].map(refTo => ({ ...refTo(name), namespace }));

/** Its objects. `most`: a number in their content. */
function objectsOf(neighbour: Neighbour, most: number): readonly KubeObject[] {
  return refsOf(neighbour).map(ref => objectOf(ref, most));
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
  const metadata = { name, namespace, annotations: { 'cutover/release': name } };
  return { apiVersion, kind, metadata, ...specs[kind] };
}

async function withNeighbour({ cluster }: WebRelease, neighbour: Neighbour): Promise<void> {
  const { namespace: name } = neighbour;
  if (name !== 'shop') cluster.store.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  for (const object of objectsOf(neighbour, 1)) await cluster.apply(object);
}

const liveObjects = ({ cluster: { store } }: WebRelease, neighbour: Neighbour) =>
  refsOf(neighbour).map(ref => store.get(ref)!);
const contentOf = (release: WebRelease, neighbour: Neighbour) =>
  liveObjects(release, neighbour).map(({ metadata: { uid, labels, annotations, managedFields }, spec, data }) => {
    return { uid, labels, annotations, managedFields, spec, data };
  });

/** The objects as the record would have them: with other content than the live ones. */
function forged(release: WebRelease, neighbour: Neighbour): readonly KubeObject[] {
  const live = liveObjects(release, neighbour);
  return objectsOf(neighbour, 3).map((object, index) => ({
    ...object,
    metadata: { ...live[index]!.metadata, annotations: { 'cutover/release': 'web' } },
  }));
}

type Slot = (
  release: WebRelease,
  neighbour: Neighbour,
) => {
  readonly revision?: (revision: Revision) => Partial<Revision>;
  readonly state?: (state: BlueGreenState) => Partial<BlueGreenState>;
};
const snapshots = (release: WebRelease, neighbour: Neighbour) =>
  forged(release, neighbour).map(object => ({ ref: refOf(object), object }));
const gone = (neighbour: Neighbour) => refsOf(neighbour).map(ref => ({ ref }));
const serviceOf = (neighbour: Neighbour): ObjectRef => refsOf(neighbour)[0]!;
const deploymentOf = (neighbour: Neighbour): ObjectRef => refsOf(neighbour)[1]!;

const podUids = ({ cluster: { store } }: WebRelease, { namespace }: Neighbour): readonly string[] =>
  store
    .list({ apiVersion: 'v1', kind: 'Pod', namespace })
    .filter(({ metadata: { labels } }) => labels?.['app'] === 'neighbour')
    .map(({ metadata }) => metadata.uid!);

/** Every part of a record that names objects. */
const slots: Readonly<Record<string, Slot>> = {
  objects: (release, neighbour) => ({
    revision: ({ objects }) => ({ objects: [...objects, ...forged(release, neighbour)] }),
  }),
  applyAfterSwitch: (release, neighbour) => ({ revision: () => ({ applyAfterSwitch: forged(release, neighbour) }) }),
  deleteAfterSwitch: (release, neighbour) => ({
    revision: () => ({ deleteAfterSwitch: liveObjects(release, neighbour).map(object => ({ ref: refOf(object) })) }),
  }),
  shared: (release, neighbour) => ({ revision: () => ({ shared: forged(release, neighbour) }) }),
  secrets: (_release, neighbour) => ({
    revision: () => ({ secrets: refsOf(neighbour).map(ref => ({ ref, hash: 'x' })) }),
  }),
  before: (release, neighbour) => ({
    revision: ({ before }) => ({
      before: [...before, ...snapshots(release, neighbour)],
      beforeStaging: snapshots(release, neighbour),
    }),
  }),
  'objects that did not exist before': (_release, neighbour) => ({
    revision: ({ before }) => ({ before: [...before, ...gone(neighbour)], beforeStaging: gone(neighbour) }),
  }),
  publicServices: (release, neighbour) => ({
    revision: () => ({ publicServices: [forged(release, neighbour)[0]!] }),
    state: ({ operation }) => ({
      publicServices: [serviceOf(neighbour)],
      ...(operation?.kind === 'switch' && {
        operation: { ...operation, services: [{ before: snapshots(release, neighbour)[0]!, sent: true }] },
      }),
    }),
  }),
  'publicServices, which did not exist before': (release, neighbour) => ({
    revision: () => ({ publicServices: [forged(release, neighbour)[0]!] }),
    state: ({ operation }) => ({
      publicServices: [serviceOf(neighbour)],
      ...(operation?.kind === 'switch' && {
        operation: { ...operation, services: [{ before: { ref: serviceOf(neighbour) }, sent: true }] },
      }),
    }),
  }),
  'publicServices, beside that of the release': (release, neighbour) => ({
    state: ({ publicServices: [own], operation, staged }) => ({
      publicServices: [own, serviceOf(neighbour)],
      ...(operation?.kind === 'switch' && {
        operation: {
          ...operation,
          services: [...operation.services, { before: snapshots(release, neighbour)[0]!, sent: true }],
        },
      }),
      // So that what is staged does not pass for verified.
      ...(staged !== undefined && {
        staged: { ...staged, objects: staged.objects.map(one => ({ ...one, hash: 'x' })) },
      }),
    }),
  }),
  'publicServices among the snapshots': (release, neighbour) => ({
    revision: ({ before }) => ({ before: [...snapshots(release, neighbour).slice(0, 1), ...before] }),
    state: () => ({ publicServices: [serviceOf(neighbour)] }),
  }),
  'the Deployments of the roles': (release, neighbour) => ({
    state: ({ roles, staged }) => ({
      roles: Object.fromEntries(
        Object.entries(roles).map(([role, record]) => [
          role,
          { ...record, deployments: [deploymentOf(neighbour)], testService: neighbour.name },
        ]),
      ),
      ...(staged !== undefined && {
        staged: {
          ...staged,
          objects: liveObjects(release, neighbour).map(({ metadata, ...object }) => {
            return { ref: refOf({ metadata, ...object }), uid: metadata.uid!, hash: '' };
          }),
        },
      }),
    }),
  }),
  'the pods that users left': (release, neighbour) => ({
    state: ({ roles, operation }) => ({
      roles: Object.fromEntries(
        Object.entries(roles).map(([role, record]) => [
          role,
          { ...record, deployments: [deploymentOf(neighbour)], podLabels: [{ app: 'neighbour' }] },
        ]),
      ),
      ...(operation?.kind === 'finish' && { operation: { ...operation, leftPods: podUids(release, neighbour) } }),
    }),
  }),
  adopted: (release, neighbour) => ({
    state: () => ({
      adopted: [{ ref: deploymentOf(neighbour), uid: liveObjects(release, neighbour)[1]!.metadata.uid! }],
    }),
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
const closing = { closeConnections: 'auto' } as const;
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
  'a promotion that was interrupted': {
    build: twoStaged,
    interrupt: async web => {
      await killedAt(web, 5, () => web.promote());
      unlocked(web);
    },
    act: web => endOf(web.promote()),
  },
  'the work after an interrupted switch, with connections to close': {
    build: twoStaged,
    interrupt: async web => {
      await killedAt(web, 6, () => web.promote(closing));
      unlocked(web);
    },
    act: web => endOf(web.promote(closing)),
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

const neighbours: Readonly<Record<string, Neighbour>> = {
  'another release': { name: 'neighbour', namespace: 'shop' },
  'a release of the same name in another namespace': { name: 'web', namespace: 'production' },
};
const rows = Object.entries(situations).flatMap(([what, situation]) =>
  Object.entries(neighbours).map(([whose, neighbour]) => ({ what, whose, situation, neighbour })),
);

describe.each(rows)('$what, with a forged record,', ({ whose, situation: { build, interrupt, act }, neighbour }) => {
  const prepared = releaseAfter(async web => {
    await build(web);
    await withNeighbour(web, neighbour);
  });

  it.each(Object.entries(slots))(`writes no object of ${whose}: %s`, async (_slot, forge) => {
    const web = await prepared();
    await interrupt?.(web);
    const before = contentOf(web, neighbour);
    const { revision, state } = forge(web, neighbour);
    if (revision !== undefined)
      for (const number of stateOf(web.cluster)!.revisions) forgeRevision(web, number, revision);
    if (state !== undefined) forgeState(web, now => ({ ...now, ...state(now) }));
    await Promise.allSettled([act(web)]);
    // Not even one that the API server refuses, nor of a pod of theirs.
    const theirs = ` ${neighbour.namespace}/${neighbour.name}`;
    expect(web.cluster.writes().filter(call => call.includes(theirs))).toEqual([]);
    expect(contentOf(web, neighbour)).toEqual(before);
  });
});
