import { afterEach, describe, expect, it } from '@jest/globals';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { describeServing } from '../../src/report/serving.js';
import type { AdoptOperation } from '../../src/release/operation.js';
import { FailedStep } from '../../src/strategies/outcome/outcome.js';
import { idle } from '../support/cluster/run-controllers.js';
import { forgeState } from '../support/strategies/forgery.js';
import { liveDeployment, liveService } from '../support/strategies/live-web.js';
import {
  application,
  blueGreenStateOf,
  closeReleases,
  denied,
  deploymentRef,
  endOf,
  failureOf,
  killAtWrite,
  killed,
  leaseRef,
  plainManifests,
  releaseAfter,
  replicasIn,
  serviceRef,
  stateOf,
  unfinished,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const kubectl = 'kubectl-client-side-apply';

/** The objects of `web` as those of `api`. */
function asApi<T>(objects: T): T {
  return JSON.parse(
    JSON.stringify(objects).replaceAll('"web"', '"api"').replaceAll('"name":"api","image"', '"name":"web","image"'),
  ) as T;
}
const internal: KubeObject = { ...liveService, metadata: { ...liveService.metadata, name: 'inner' } };
const external: KubeObject = { ...liveService, spec: { ...(liveService['spec'] as object), type: 'NodePort' } };

/** A second Service for the same pods, and a Deployment behind a Service of its own. `web` is the main one. */
function manifests(version: string): string {
  const [, deployment = '', service = ''] = plainManifests(version).split('---\n');
  const api = [deployment, service].map(text =>
    text.replaceAll('web', 'api').replace(/name: api\b(?=, image)/, 'name: web'),
  );
  const inner = service.replace('name: web', 'name: inner');
  const exposed = plainManifests(version).replace('spec: {selector: {app', 'spec: {type: NodePort, selector: {app');
  return [exposed, inner, ...api].join('---\n');
}

/** Three Services of two Deployments that somebody applied with kubectl. */
const live = releaseAfter(async ({ cluster }) => {
  cluster.givenBy(kubectl, liveDeployment, external, internal, ...asApi([liveDeployment, liveService]));
  await idle();
});

const names = ['web', 'inner', 'api'];
const roleOf = ({ cluster }: WebRelease, name: string): unknown =>
  (cluster.store.get(serviceRef(name))?.['spec'] as { selector: Readonly<Record<string, string>> }).selector[
    'cutover/role'
  ];
const rolesOf = (release: WebRelease): readonly unknown[] => names.map(name => roleOf(release, name));
const onBlue = ['blue', 'blue', 'blue'];
const without = [undefined, undefined, undefined];

/** Images of the ready pods behind each Service. */
function servedBy({ cluster: { store } }: WebRelease): readonly (readonly string[])[] {
  return names.map(name => {
    const slices = store.list(
      { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', namespace: 'shop' },
      { labels: { 'kubernetes.io/service-name': name } },
    );
    const endpoints = slices.flatMap(
      slice => (slice['endpoints'] ?? []) as readonly { conditions: { ready: boolean }; targetRef: { name: string } }[],
    );
    return endpoints
      .filter(({ conditions }) => conditions.ready)
      .map(({ targetRef }) => store.get({ apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: targetRef.name }))
      .map(pod => (pod?.['spec'] as { containers: readonly { image: string }[] }).containers[0]!.image);
  });
}

/** Whether each Service has pods, and all of them are of v1: no user is without a pod, and none meets another version. */
const areOnV1 = (release: WebRelease): boolean =>
  servedBy(release).every(images => images.length > 0 && images.every(image => image === 'site:v1'));

function failAt({ cluster }: WebRelease, call: string, error: Error): void {
  cluster.before = now => {
    if (now === call) throw error;
  };
}

/** The lock of a killed run has run out since. */
function runOut({ cluster }: WebRelease): void {
  cluster.before = () => undefined;
  if (cluster.store.get(leaseRef) !== undefined) cluster.store.remove(leaseRef);
}

const sentOf = ({ cluster }: WebRelease): readonly string[] =>
  ((blueGreenStateOf(cluster)?.operation as AdoptOperation).sent ?? []).map(({ name }) => name);

/** A run that was killed after it had narrowed one Service. */
async function half(): Promise<WebRelease> {
  const release = await live();
  let isKilled = false;
  release.cluster.before = call => {
    isKilled ||= call === 'APPLY Service shop/inner';
    if (isKilled) throw killed;
  };
  await endOf(release.stage(manifests('v2')));
  runOut(release);
  return release;
}

describe('several public Services of an application that is live without roles', () => {
  it('are adopted together: one twin for each Deployment, and the main Service is narrowed last', async () => {
    const release = await live();
    const outcome = await release.stage(manifests('v2'));
    expect(outcome).toMatchObject({ outcome: 'staged', activeRole: 'blue', revision: 2 });
    expect(rolesOf(release)).toEqual(onBlue);
    const sizes = ['web', 'api', 'web-blue', 'api-blue'].map(name => replicasIn(release.cluster, name));
    expect(sizes).toEqual([0, 0, 2, 2]);
    expect(stateOf(release.cluster)).toMatchObject({
      adopted: [{ ref: deploymentRef('web') }, { ref: deploymentRef('api') }],
      roles: { blue: { deployments: [deploymentRef('web-blue'), deploymentRef('api-blue')] } },
    });
    const narrowed = release.cluster.writes().filter(write => /^APPLY Service shop\/(web|inner|api)$/.test(write));
    expect(narrowed).toEqual(['api', 'inner', 'web'].map(name => `APPLY Service shop/${name}`));
    await release.promote();
    expect(rolesOf(release)).toEqual(['green', 'green', 'green']);
    for (const name of ['web', 'api']) expect(release.cluster.store.get(deploymentRef(name))).toBeUndefined();
    await release.rollback();
    expect([rolesOf(release), areOnV1(release)]).toEqual([onBlue, true]);
  });

  it('lead at each write to pods of the version that was live', async () => {
    const release = await live();
    const wrong: string[] = [];
    release.cluster.before = call => {
      if (!areOnV1(release)) wrong.push(`${call}: ${JSON.stringify(servedBy(release))}`);
    };
    await release.stage(manifests('v2'));
    expect(wrong).toEqual([]);
  });

  it('are all led back when the narrowing of one fails, and nothing of the adoption is left', async () => {
    const release = await live();
    const before = application(release.cluster);
    failAt(release, 'APPLY Service shop/web', denied);
    const failed = await failureOf(release.stage(manifests('v2')));
    release.cluster.before = () => undefined;
    expect(failed).toBeInstanceOf(FailedStep);
    expect((failed as FailedStep).outcome.serving).toMatchObject({
      kind: 'not-adopted',
      deployments: [deploymentRef('web'), deploymentRef('api')],
      result: { kind: 'restored', restored: { kind: 'complete' } },
    });
    await idle();
    expect([rolesOf(release), areOnV1(release), unfinished(release.cluster)]).toEqual([without, true, '-']);
    expect(application(release.cluster)).toEqual(before);
  });

  it('keep the twins where one of them cannot be led back, and the next run finishes', async () => {
    const release = await live();
    let isRefused = false;
    release.cluster.before = call => {
      isRefused ||= call === 'APPLY Service shop/web';
      if (isRefused && /Service shop\/(web|inner|api)$/.test(call) && !call.startsWith('GET')) throw denied;
    };
    const failed = (await failureOf(release.stage(manifests('v2')))) as FailedStep;
    release.cluster.before = () => undefined;
    expect(failed.outcome.serving).toMatchObject({ kind: 'adoption-unfinished', notNarrowed: [serviceRef('web')] });
    expect(describeServing(failed.outcome.serving)).toMatch(/Service shop\/web still leads to .*run this step again/);
    expect(areOnV1(release)).toBe(true);
    await expect(release.stage(manifests('v2'))).resolves.toMatchObject({ outcome: 'staged' });
    expect([rolesOf(release), areOnV1(release), unfinished(release.cluster)]).toEqual([onBlue, true, '-']);
  });

  it('are not led back by a run whose record another run has changed', async () => {
    const release = await live();
    const { cluster } = release;
    let isNarrowed = false;
    cluster.before = call => {
      if (isNarrowed && call === 'REPLACE Secret shop/cutover-web') {
        cluster.before = () => undefined;
        forgeState(release, state => ({
          ...state,
          operation: { ...(state.operation as AdoptOperation), holder: 'another run' },
        }));
      }
      isNarrowed ||= call === 'APPLY Service shop/api';
    };
    const failed = (await failureOf(release.stage(manifests('v2')))) as FailedStep;
    expect(failed.outcome.serving).toMatchObject({ kind: 'adoption-unfinished' });
    expect([roleOf(release, 'api'), areOnV1(release)]).toEqual(['blue', true]);
  });

  describe('of which a killed run has narrowed one', () => {
    it('are on record as such', async () => {
      const release = await half();
      expect(rolesOf(release)).toEqual([undefined, undefined, 'blue']);
      expect(sentOf(release)).toEqual(['api', 'inner']);
    });

    it('are narrowed by the same step', async () => {
      const release = await half();
      await expect(release.stage(manifests('v2'))).resolves.toMatchObject({ outcome: 'staged', activeRole: 'blue' });
      expect([rolesOf(release), unfinished(release.cluster)]).toEqual([onBlue, '-']);
    });

    it('are led back by the post step', async () => {
      const release = await half();
      expect(await release.post()).toMatchObject({ kind: 'restored' });
      await idle();
      expect([rolesOf(release), areOnV1(release), unfinished(release.cluster)]).toEqual([without, true, '-']);
      expect(release.cluster.store.get(deploymentRef('api-blue'))).toBeUndefined();
    });

    it('are led back, and adopted again, when another version has gone live meanwhile', async () => {
      const release = await half();
      const { store } = release.cluster;
      const api = store.get(deploymentRef('api'))!;
      const spec = JSON.parse(JSON.stringify(api['spec']).replaceAll('site:v1', 'site:v1.1')) as object;
      store.update({ ...api, spec }, { manager: 'kubectl' });
      await idle();
      // The pods of the twins may not have ended when the adoption is looked for again.
      await endOf(release.stage(manifests('v2')));
      await idle();
      await release.stage(manifests('v2'));
      expect(rolesOf(release)).toEqual(onBlue);
      expect(servedBy(release)[2]).toEqual(['site:v1.1', 'site:v1.1']);
    });

    it('keep their pods when somebody has moved another one by hand, which is not led back', async () => {
      const release = await half();
      const { store } = release.cluster;
      const web = store.get(serviceRef('web'))!;
      const selector = { app: 'web', 'cutover/role': 'blue' };
      store.update({ ...web, spec: { ...(web['spec'] as object), selector } }, { manager: 'somebody' });
      await idle();
      expect(await release.post()).toMatchObject({ kind: 'adoption-left' });
      expect([rolesOf(release), areOnV1(release)]).toEqual([['blue', undefined, 'blue'], true]);
    });
  });

  it('are served whichever write a killed run has come to, and the same step finishes', async () => {
    const release = await live();
    await release.stage(manifests('v2'));
    const writes = release.cluster.writes().findIndex(write => write === 'REMOVE Lease shop/cutover-web');
    for (let n = 1; n <= writes; n += 1) {
      const copy = await live();
      killAtWrite(copy.cluster, n);
      await endOf(copy.stage(manifests('v2')));
      expect([n, areOnV1(copy)]).toEqual([n, true]);
      runOut(copy);
      await expect(copy.stage(manifests('v2'))).resolves.toMatchObject({ outcome: 'staged', activeRole: 'blue' });
      expect([n, rolesOf(copy), areOnV1(copy), unfinished(copy.cluster)]).toEqual([n, onBlue, true, '-']);
      copy.close();
    }
  });
});

describe('what cannot be adopted together is refused before any write', () => {
  const refusal = async (release: WebRelease, text: string): Promise<unknown> => {
    const failed = await failureOf(release.stage(text));
    expect(release.cluster.writes()).toEqual([]);
    return failed;
  };

  it('a Service that does not exist yet', async () => {
    const release = await live();
    release.cluster.store.remove(serviceRef('api'));
    expect(await refusal(release, manifests('v2'))).toMatchObject({
      code: 'roles',
      message:
        'Service shop/web and Service shop/inner are live without roles, but Service shop/api does not exist: public Services are adopted together or not at all',
      hint: expect.stringContaining('strategy: rolling') as unknown,
    });
  });

  it('a Service that leads to a role by now', async () => {
    const release = await live();
    const api = release.cluster.store.get(serviceRef('api'))!;
    const selector = { app: 'api', 'cutover/role': 'blue' };
    release.cluster.store.update({ ...api, spec: { ...(api['spec'] as object), selector } });
    expect(await refusal(release, manifests('v2'))).toMatchObject({
      code: 'roles',
      message: expect.stringContaining('but Service shop/api selects the pods of a role') as unknown,
    });
  });

  it('Services that lead to one Deployment, which the manifests split', async () => {
    const release = await live();
    const api = release.cluster.store.get(serviceRef('api'))!;
    release.cluster.store.update({ ...api, spec: { ...(api['spec'] as object), selector: { app: 'web' } } });
    await idle();
    expect(await refusal(release, manifests('v2'))).toMatchObject({
      code: 'roles',
      message: expect.stringContaining(
        'they lead to Deployment shop/web, and the manifests have no Deployment that all of them lead to',
      ) as unknown,
    });
  });
});

describe('a rolling release with several public Services', () => {
  const rolling = releaseAfter(async release => {
    await release.deploy(manifests('v1'));
  });

  it('becomes blue/green with all of them, and rolling again', async () => {
    const release = await rolling();
    await expect(release.stage(manifests('v2'))).resolves.toMatchObject({ outcome: 'staged', activeRole: 'blue' });
    expect([rolesOf(release), areOnV1(release)]).toEqual([onBlue, true]);
    await release.promote();
    await expect(release.deploy(manifests('v3'))).resolves.toMatchObject({ outcome: 'deployed' });
    expect(rolesOf(release)).toEqual(without);
    expect(servedBy(release)).toEqual(names.map(() => ['site:v3', 'site:v3']));
    const left = ['web', 'api'].flatMap(name => [`${name}-blue`, `${name}-green`]);
    expect(left.map(name => release.cluster.store.get(deploymentRef(name)))).toEqual(left.map(() => undefined));
  });

  it('leaves its roles by the Deployments that it adopted, which are created anew', async () => {
    const release = await rolling();
    await release.stage(manifests('v2'));
    await release.reject();
    await expect(release.deploy(manifests('v3'))).resolves.toMatchObject({ outcome: 'deployed' });
    expect(servedBy(release)).toEqual(names.map(() => ['site:v3', 'site:v3']));
  });

  it('is rolling again when its adoption fails between two Services', async () => {
    const release = await rolling();
    failAt(release, 'APPLY Service shop/web', denied);
    await failureOf(release.stage(manifests('v2')));
    release.cluster.before = () => undefined;
    expect(stateOf(release.cluster)).toMatchObject({ strategy: 'rolling', current: 1 });
    await idle();
    expect([rolesOf(release), areOnV1(release)]).toEqual([without, true]);
  });
});
