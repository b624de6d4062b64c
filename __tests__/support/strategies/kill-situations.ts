import type { KubeObject } from '../../../src/kubernetes/object.js';
import { idle } from '../cluster/run-controllers.js';
import { kill, type Situation } from './kills.js';
import { deploymentRef, plainManifests, releaseAfter, roleManifests, type WebRelease } from './web-release.js';

const down = { idlePolicy: { policy: 'scale-down', replicas: 0 } } as const;
const withAutoscaler = (version: string): string => plainManifests(version, { autoscaler: true });

/** Puts these versions on the roles, one after the other. */
const promoted =
  (...versions: readonly string[]) =>
  async (release: WebRelease): Promise<void> => {
    for (const version of versions) {
      await release.stage(roleManifests(version));
      await release.promote();
    }
  };

const one = releaseAfter(promoted('v1'));
const two = releaseAfter(promoted('v1', 'v2'));
const staged = releaseAfter(async release => {
  await promoted('v1')(release);
  await release.stage(roleManifests('v2'));
});
const stagedOver = releaseAfter(async release => {
  await promoted('v1', 'v2')(release);
  await release.stage(roleManifests('v3'));
});
const scaledDown = releaseAfter(async release => {
  await promoted('v1')(release);
  await release.stage(roleManifests('v2'));
  await release.promote(down);
});
/** The load has grown since green was staged. */
const grown = releaseAfter(async release => {
  await promoted('v1')(release);
  await release.stage(roleManifests('v2'));
  resize(release, 'web-blue', 4);
  await idle();
});
const rolled = releaseAfter(release => release.deploy(plainManifests('v1')));
const updated = releaseAfter(async release => {
  await release.deploy(plainManifests('v1'));
  await release.deploy(plainManifests('v2'));
});
const plainRoles = releaseAfter(async release => {
  for (const version of ['v1', 'v2']) {
    await release.stage(withAutoscaler(version));
    await release.promote();
  }
});
const hot = { idlePolicy: { policy: 'hot-backup' } } as const;
const stagedHot = releaseAfter(async release => {
  await promoted('v1')(release);
  await release.stage(roleManifests('v2'), hot);
});
/** Users are on green, and blue is its hot backup. */
const backedUp = releaseAfter(async release => {
  await promoted('v1')(release);
  await release.stage(roleManifests('v2'), hot);
  await release.promote(hot);
});
const stagedOverBackup = releaseAfter(async release => {
  await promoted('v1')(release);
  await release.stage(roleManifests('v2'), hot);
  await release.promote(hot);
  await release.stage(roleManifests('v3'));
});
/** A promotion was killed right after its switch. */
const halfPromoted = releaseAfter(async release => {
  await promoted('v1')(release);
  await release.stage(roleManifests('v2'));
  await kill(release, one => one.promote(), { n: 4, then: 'lost' });
});

/** An application that somebody applied with kubectl. */
const live = releaseAfter(async ({ cluster }) => {
  const object = (apiVersion: string, kind: string, spec: object): KubeObject => ({
    apiVersion,
    kind,
    metadata: { name: 'web', namespace: 'shop' },
    spec,
  });
  const labels = { app: 'web' };
  const containers = [{ name: 'web', image: 'site:v1', ports: [{ containerPort: 8080 }] }];
  const template = { metadata: { labels }, spec: { containers } };
  cluster.givenBy(
    'kubectl-client-side-apply',
    object('apps/v1', 'Deployment', { replicas: 2, selector: { matchLabels: labels }, template }),
    object('v1', 'Service', { selector: labels, ports: [{ port: 80, targetPort: 8080 }] }),
    object('autoscaling/v2', 'HorizontalPodAutoscaler', {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      ...{ minReplicas: 2, maxReplicas: 4 },
    }),
  );
  await idle();
});

/** Another manager changes how many replicas a Deployment is meant to have. */
function resize({ cluster: { store } }: WebRelease, name: string, replicas: number): void {
  const found = store.get(deploymentRef(name))!;
  store.update({ ...found, spec: { ...(found['spec'] as object), replicas } }, { manager: 'hpa' });
}

const site = (...versions: readonly string[]): readonly string[] => versions.map(version => `site:${version}`);

export const situations: readonly Situation[] = [
  {
    title: 'a rolling update',
    given: rolled,
    step: release => release.deploy(plainManifests('v2')),
    versions: site('v1', 'v2'),
    brings: 'site:v2',
  },
  {
    title: 'a rolling rollback',
    given: updated,
    step: release => release.rollback(),
    versions: site('v1', 'v2'),
    brings: 'site:v1',
  },
  {
    title: 'a staging',
    given: one,
    step: release => release.stage(roleManifests('v2')),
    versions: site('v1'),
    brings: 'site:v2',
  },
  {
    title: 'a staging over an earlier version',
    given: two,
    step: release => release.stage(roleManifests('v3')),
    versions: site('v2'),
    brings: 'site:v3',
  },
  {
    title: 'a promotion',
    given: staged,
    step: release => release.promote(),
    versions: site('v1', 'v2'),
    brings: 'site:v2',
  },
  {
    title: 'a promotion that scales the old role down',
    given: staged,
    step: release => release.promote(down),
    versions: site('v1', 'v2'),
    brings: 'site:v2',
  },
  {
    title: 'a promotion that makes a hot backup',
    given: stagedHot,
    step: release => release.promote(hot),
    versions: site('v1', 'v2'),
    brings: 'site:v2',
  },
  {
    title: 'a staging over a hot backup',
    given: backedUp,
    step: release => release.stage(roleManifests('v3')),
    versions: site('v2'),
    brings: 'site:v3',
  },
  {
    title: 'a rollback from a hot backup',
    given: backedUp,
    step: release => release.rollback(),
    versions: site('v1', 'v2'),
    brings: 'site:v1',
  },
  {
    title: 'a rejection of a version staged over a hot backup',
    given: stagedOverBackup,
    step: release => release.reject(),
    versions: site('v2'),
  },
  {
    title: 'a promotion of a role that is too small by now',
    given: grown,
    step: release => release.promote(),
    versions: site('v1', 'v2'),
    brings: 'site:v2',
  },
  {
    title: 'a rollback',
    given: two,
    step: release => release.rollback(),
    versions: site('v1', 'v2'),
    brings: 'site:v1',
  },
  {
    title: 'a rollback to a role that was scaled down',
    given: scaledDown,
    step: release => release.rollback(),
    versions: site('v1', 'v2'),
    brings: 'site:v1',
  },
  {
    title: 'a rollback to a role on which another version is staged',
    given: stagedOver,
    step: release => release.rollback(),
    versions: site('v1', 'v2'),
    brings: 'site:v1',
  },
  {
    title: 'a rollback of a promotion that was killed after its switch',
    given: halfPromoted,
    step: release => release.rollback(),
    versions: site('v1', 'v2'),
    brings: 'site:v1',
  },
  {
    title: 'a rejection of the first version on a role',
    given: staged,
    step: release => release.reject(),
    versions: site('v1'),
  },
  {
    title: 'a rejection of a later version',
    given: stagedOver,
    step: release => release.reject(),
    versions: site('v2'),
  },
  {
    title: 'an adoption',
    given: live,
    step: release => release.stage(plainManifests('v2')),
    versions: site('v1'),
    brings: 'site:v2',
  },
  {
    title: 'a deploy that leaves the roles',
    given: plainRoles,
    step: release => release.deploy(withAutoscaler('v3')),
    versions: site('v2', 'v3'),
    brings: 'site:v3',
  },
];
