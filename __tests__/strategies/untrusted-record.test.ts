import { afterEach, describe, expect, it } from '@jest/globals';
import { refKey, refOf, type KubeObject } from '../../src/kubernetes/object.js';
import type { BlueGreenState } from '../../src/release/state.js';
import type { SwitchOperation } from '../../src/release/operation.js';
import { ownedSnapshots, requireOwnedService } from '../../src/strategies/recorded/owned-objects.js';
import { memoryCluster } from '../support/cluster/memory-cluster.js';
import { stepOn } from '../support/strategies/context.js';
import { forgeRevision, forgeState } from '../support/strategies/forgery.js';
import { publicService, staged } from '../support/strategies/shop.js';
import {
  closeReleases,
  configRef,
  denied,
  deploymentRef,
  failureOf,
  killAtWrite,
  plainManifests,
  roleManifests,
  serviceRef,
  stateOf,
  webRelease,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const metadata = { name: 'neighbour', namespace: 'shop', annotations: { 'cutover/release': 'neighbour' } };
const config: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { a: 'b' } };
const service: KubeObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata,
  spec: { selector: { app: 'x' }, ports: [{ port: 80 }] },
};
const roleBinding: KubeObject = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'RoleBinding',
  metadata: { name: 'forged', namespace: 'shop' },
};

const snapshotOf = (object: KubeObject) => ({ ref: refOf(object), object });

describe('the post step', () => {
  it.each([
    {
      strategy: 'rolling',
      deploy: (web: WebRelease, version: string) => web.deploy(plainManifests(version)),
      own: deploymentRef('web'),
    },
    {
      strategy: 'blue/green',
      deploy: (web: WebRelease, version: string) => web.stage(roleManifests(version)),
      own: deploymentRef('web-blue'),
    },
  ])('of a $strategy release restores nothing that the release does not own', async ({ deploy, own }) => {
    const web = webRelease();
    await deploy(web, 'v1');
    const before = web.cluster.store.get(own);
    web.cluster.given(config);
    killAtWrite(web.cluster, 6);
    await failureOf(deploy(web, 'v2'));
    web.cluster.before = () => undefined;
    forgeRevision(web, 2, ({ before: snapshots }) => ({
      before: [...snapshots, snapshotOf({ ...config, data: { a: 'forged' } }), snapshotOf(roleBinding)],
    }));
    const neighbour = web.cluster.store.get(refOf(config));
    // What gives rights is gone, and stays so. A warning names it; running anything again would not bring it back.
    expect(await web.post()).toMatchObject({ kind: 'restored' });
    expect(web.cluster.store.get(refOf(config))).toEqual(neighbour);
    expect(web.cluster.store.get(refOf(roleBinding))).toBeUndefined();
    expect(web.cluster.store.get(own)?.['spec']).toEqual(before?.['spec']);
  });

  it('switches no Service back that the release does not own', async () => {
    const web = webRelease();
    await web.stage(roleManifests('v1'));
    await web.promote();
    await web.stage(roleManifests('v2'));
    web.cluster.given(service);
    // Killed when it would record that users are on green.
    killAtWrite(web.cluster, 4);
    await failureOf(web.promote());
    web.cluster.before = () => undefined;
    const state = stateOf(web.cluster) as BlueGreenState & { operation: SwitchOperation };
    expect(state.operation.kind).toBe('switch');
    const services = [{ before: snapshotOf(service), sent: true as const }];
    forgeState(web, now => ({
      ...now,
      publicServices: [refOf(service)],
      operation: { ...state.operation, services },
    }));
    const neighbour = web.cluster.store.get(refOf(service));
    expect(await web.post()).toEqual({ kind: 'incomplete', failed: [refOf(service)] });
    expect(web.cluster.store.get(refOf(service))).toEqual(neighbour);
  });
});

describe('a rejection', () => {
  it('restores the rest when an object cannot be read, and can be run again', async () => {
    const web = webRelease();
    await web.stage(roleManifests('v1'));
    await web.promote();
    await web.stage(roleManifests('v2'));
    const { store } = web.cluster;
    web.cluster.before = call => {
      if (call === 'GET Deployment shop/web-green') throw denied;
    };
    const error = await failureOf(web.reject());
    expect(error.message).toContain('still as staging left it: Deployment shop/web-green');
    expect(store.get(configRef('web-green'))).toBeUndefined();
    expect(stateOf(web.cluster)?.operation?.kind).toBe('reject');
    web.cluster.before = () => undefined;
    expect(await web.reject()).toMatchObject({ outcome: 'rejected' });
    expect(store.get(deploymentRef('web-green'))).toBeUndefined();
  });
});

describe('a recorded snapshot', () => {
  const ours = (data: object): KubeObject => ({
    ...config,
    metadata: { ...metadata, name: 'settings', annotations: { 'cutover/release': 'web' } },
    data,
  });
  const others = (data: object): KubeObject => ({ ...config, metadata: { name: 'settings', namespace: 'shop' }, data });
  const judge = async (recorded: KubeObject, live?: KubeObject) => {
    const cluster = memoryCluster();
    if (live !== undefined) cluster.given(live);
    const ctx = stepOn(cluster);
    const { owned, foreign, notRecreated } = await ownedSnapshots(ctx, [snapshotOf(recorded)]);
    return {
      owned: owned.length,
      foreign: foreign.length,
      notRecreated: notRecreated.length,
      lines: ctx.log.lines.length,
    };
  };

  it('of an object of others is restored if this operation has applied the object', async () => {
    expect(await judge(others({ a: '1' }), ours({ a: '2' }))).toEqual({
      owned: 1,
      foreign: 0,
      notRecreated: 0,
      lines: 0,
    });
  });

  it('of an object of others that this operation did not get to is not restored, with a warning if it differs', async () => {
    expect(await judge(others({ a: '1' }), others({ a: '2' }))).toEqual({
      owned: 0,
      foreign: 1,
      notRecreated: 0,
      lines: 1,
    });
  });

  it('of an object that is gone is restored in the namespace of the release', async () => {
    expect(await judge(ours({ a: '1' }))).toEqual({ owned: 1, foreign: 0, notRecreated: 0, lines: 0 });
  });

  it('of an object that gives rights and is gone is told and left out', async () => {
    expect(await judge(roleBinding)).toEqual({ owned: 0, foreign: 0, notRecreated: 1, lines: 1 });
  });
});

describe('the recorded public Service', () => {
  const require = (recorded: KubeObject, live: KubeObject | undefined, state = staged()): unknown => {
    try {
      const foundUid = state.staged?.publicServiceUids?.[refKey(refOf(recorded))];
      requireOwnedService(stepOn(memoryCluster()), { state, publicService: recorded, live, foundUid });
      return 'used';
    } catch (error) {
      return (error as Error).message;
    }
  };
  const named = (name: string, annotations: Readonly<Record<string, string>> = {}): KubeObject => ({
    ...publicService('blue'),
    metadata: { name, namespace: 'shop', annotations },
  });
  const to = (object: KubeObject): BlueGreenState => staged({ publicServices: [refOf(object)] });

  it('is used if the release owns it, or if there is none yet', () => {
    expect(require(publicService('green'), publicService('blue'))).toBe('used');
    expect(require(publicService('green'), undefined)).toBe('used');
  });

  it('from before the first deploy is used if it has the name of the release', () => {
    expect(require(publicService('green'), named('web'))).toBe('used');
    expect(require(named('pay'), named('pay'), to(named('pay')))).toMatch(
      /does not own.*: Service shop\/pay: it has no annotation cutover\/release; .* set the annotation to web$/,
    );
  });

  it('from before the first deploy is used if the revision was staged for it', () => {
    const pay = named('pay');
    const live = { ...pay, metadata: { ...pay.metadata, uid: 'found' } };
    const stagedFor = (uid: string) =>
      staged({
        publicServices: [refOf(pay)],
        staged: { ...staged().staged!, publicServiceUids: { [refKey(refOf(pay))]: uid } },
      });
    expect(require(pay, live, stagedFor('found'))).toBe('used');
    expect(require(pay, live, stagedFor('another'))).toMatch(/: Service shop\/pay: it has no annotation/);
    const others = { ...live, metadata: { ...live.metadata, annotations: { 'cutover/release': 'pay' } } };
    expect(require(pay, others, stagedFor('found'))).toMatch(/: it belongs to release pay$/);
    const elsewhere = (object: KubeObject) => ({ ...object, metadata: { ...object.metadata, namespace: 'other' } });
    const state: BlueGreenState = { ...stagedFor('found'), publicServices: [refOf(elsewhere(pay))] };
    expect(require(elsewhere(pay), elsewhere(live), state)).toMatch(/: it has no annotation/);
  });

  it('that has another name than the release, and no annotation, is switched once a revision was staged for it', async () => {
    const web = webRelease();
    const manifests = roleManifests('v1').replace(
      'metadata: {name: web}\nspec: {selector',
      'metadata: {name: pay}\nspec: {selector',
    );
    web.cluster.givenBy('kubectl-client-side-apply', {
      ...publicService('blue'),
      metadata: { name: 'pay', namespace: 'shop' },
      spec: { selector: { app: 'web', role: 'blue' }, ports: [{ port: 80, targetPort: 8080 }] },
    });
    expect(await web.stage(manifests)).toMatchObject({ outcome: 'staged', stagedRole: 'green' });
    expect(await web.promote()).toMatchObject({ outcome: 'switched', activeRole: 'green' });
    expect(web.cluster.store.get(serviceRef('pay'))).toMatchObject({
      metadata: { annotations: { 'cutover/release': 'web' } },
      spec: { selector: { app: 'web', role: 'green' } },
    });
  });

  it('that another tool created is its own again when the switch fails', async () => {
    const web = webRelease();
    const labels = { app: 'web', role: 'blue' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'site:v0' }] } };
    web.cluster.givenBy(
      'kubectl-client-side-apply',
      {
        ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'old', namespace: 'shop' } },
        spec: { replicas: 1, selector: { matchLabels: labels }, template },
      },
      {
        ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'shop' } },
        spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
      },
    );
    const ownership = () => {
      const { spec, metadata } = web.cluster.store.get(serviceRef('web'))!;
      const managers = metadata.managedFields as readonly { readonly manager: string }[];
      return [spec, metadata.annotations, managers.map(({ manager }) => manager)];
    };
    const before = ownership();
    await web.stage(roleManifests('v1'));
    web.answer = ({ kind }) => (kind === 'Service' ? 500 : 200);
    expect((await failureOf(web.promote())).message).toContain('500');
    expect(ownership()).toEqual(before);
  });

  it('is refused if another release owns it, or if the state names another one', () => {
    const other = named('web', { 'cutover/release': 'pay' });
    expect(require(publicService('green'), other)).toMatch(/Service shop\/web: it belongs to release pay$/);
    expect(require(named('pay'), undefined)).toMatch(
      /Service shop\/pay: the public Service of the release is Service shop\/web$/,
    );
  });

  it('is not created in another namespace', () => {
    const elsewhere = { ...named('web'), metadata: { name: 'web', namespace: 'other' } };
    expect(require(elsewhere, undefined, to(elsewhere))).toMatch(/is in another namespace$/);
  });
});

describe('a rollback', () => {
  it('recreates a ConfigMap that is gone since', async () => {
    const web = webRelease();
    await web.deploy(plainManifests('v1'));
    await web.deploy(plainManifests('v2'));
    web.cluster.store.remove(configRef('settings'));
    expect(await web.rollback()).toMatchObject({ outcome: 'rolled-back' });
    expect(web.cluster.store.get(configRef('settings'))).toMatchObject({ data: { version: 'v1' } });
    expect(web.cluster.store.get(serviceRef('web'))).toBeDefined();
  });
});
