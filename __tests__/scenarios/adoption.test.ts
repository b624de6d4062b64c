import { afterAll, describe, expect } from '@jest/globals';
import { setImage } from '../support/scenario/applications.js';
import { startCluster } from '../support/scenario/cluster.js';
import { field } from '../support/field.js';
import { scenario } from '../support/scenario/scenario.js';
import { expectRefused, expectUsersSaw } from '../support/scenario/expectations.js';
import type { TestNamespace } from '../support/scenario/test-namespace.js';
import { adopter, plain } from '../support/scenario/plain.js';
import { failing } from '../support/scenario/shop.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

const selector = async (ns: TestNamespace): Promise<unknown> =>
  field(await ns.get('Service', 'plain'), 'spec', 'selector');

describe('An application that runs without roles', () => {
  scenario('is what the first rollback restores, also after it was scaled down', cluster, async ns => {
    await plain.bring(ns);
    await plain.applyWithKubectl(ns, 'v1');
    const users = await ns.users('plain');
    await ns.given(plain.release('v2', { 'idle-policy': 'scale-down' }), adopter);
    expect(field(await ns.get('Deployment', 'plain'), 'spec', 'replicas')).toBe(0);
    expect(await ns.get('HorizontalPodAutoscaler', 'plain')).toBeUndefined();
    const back = await ns.step(plain.rollback(), adopter);
    expect(back).toMatchObject({ exitCode: 0, outputs: { outcome: 'rolled-back', 'active-role': 'green' } });
    await expectUsersSaw(users, ['v1', 'v2', 'v1']);
    expect(await ns.get('HorizontalPodAutoscaler', 'plain')).toBeDefined();
    await ns.given(plain.release('v3'), adopter);
    await ns.reaches('plain', 'v3');
  });

  scenario('is reported by a plan, which changes nothing', cluster, async ns => {
    await plain.bring(ns);
    await plain.applyWithKubectl(ns, 'v1');
    const before = await ns.versions();
    // The rules that docs/rbac.md adds to the Role of `plan`.
    const reader = [
      { apiGroups: [''], resources: ['pods'], verbs: ['list'] },
      { apiGroups: ['apps'], resources: ['replicasets'], verbs: ['list'] },
      { apiGroups: ['autoscaling'], resources: ['horizontalpodautoscalers'], verbs: ['list'] },
    ];
    const { exitCode, outputs } = await ns.step({ ...plain.stage('v2'), action: 'plan' }, { as: reader });
    expect({ exitCode, active: outputs['active-role'], staged: outputs['staged-role'] }).toEqual({
      exitCode: 0,
      active: 'green',
      staged: undefined,
    });
    const { notes } = JSON.parse(outputs.plan ?? '') as { readonly notes: readonly string[] };
    expect(notes.join('\n')).toMatch(
      /Service \S*plain would first be narrowed .*Deployment \S*plain goes on serving as green, unchanged/,
    );
    expect(notes.join('\n')).toMatch(/Revision 1 would be staged on blue, without user traffic/);
    expect(await ns.versions()).toEqual(before);
  });

  scenario('is removed once a second release has replaced it', cluster, async ns => {
    await plain.bring(ns);
    await plain.applyWithKubectl(ns, 'v1');
    await ns.given(plain.release('v2'), adopter);
    const users = await ns.users('plain');
    await ns.given(plain.stage('v3'), adopter);
    expect(await ns.get('Deployment', 'plain')).toBeDefined();
    await ns.given(plain.promote(), adopter);
    expect(await ns.get('Deployment', 'plain')).toBeUndefined();
    await expectUsersSaw(users, ['v2', 'v3']);
    await ns.given(plain.rollback(), adopter);
    await ns.reaches('plain', 'v2');
  });

  scenario('is unchanged when the first staging fails', cluster, async ns => {
    await plain.bring(ns);
    await plain.applyWithKubectl(ns, 'v1');
    const before = await plain.written(ns);
    const service = await ns.get('Service', 'plain');
    const users = await ns.users('plain');
    expectRefused(await ns.step(plain.stage('v2', { verify: failing }), adopter), /nothing of that kind/);
    expect(await selector(ns)).toEqual({ app: 'plain' });
    expect((await ns.get('Service', 'plain'))?.metadata.annotations).toEqual(service?.metadata.annotations);
    expect(await plain.written(ns)).toEqual(before);
    await ns.given(plain.release('v2'), adopter);
    await expectUsersSaw(users, ['v1', 'v2']);
  });

  scenario('is unchanged when the staged version is rejected', cluster, async ns => {
    await plain.bring(ns);
    await plain.applyWithKubectl(ns, 'v1');
    const before = await plain.written(ns);
    const users = await ns.users('plain');
    await ns.given(plain.stage('v2'), adopter);
    expect(await ns.step(plain.reject)).toMatchObject({ exitCode: 0, outputs: { outcome: 'rejected' } });
    expect(await selector(ns)).toEqual({ app: 'plain' });
    expect(await plain.written(ns)).toEqual(before);
    await ns.given(plain.release('v3'), adopter);
    await expectUsersSaw(users, ['v1', 'v3']);
  });

  scenario('is restored by the post step of a run that was killed, and adopted by the next run', cluster, async ns => {
    await plain.bring(ns);
    await plain.applyWithKubectl(ns, 'v1');
    const users = await ns.users('plain');
    const killed = await ns.step(plain.stage('v2'), {
      ...adopter,
      interrupt: { when: /Deployment .*plain-blue created/, signal: 'SIGKILL' },
    });
    expect(killed.exitCode).toBe(137);
    expect(await selector(ns)).toEqual({ app: 'plain' });
    await ns.given(plain.release('v2'), adopter);
    await expectUsersSaw(users, ['v1', 'v2']);
  });

  for (const when of [/Service .* selects the pods that serve now/, /Deployment .*plain-blue created/])
    scenario(`is adopted after a run that was lost at ${when.source}`, cluster, async ns => {
      await plain.bring(ns);
      await plain.applyWithKubectl(ns, 'v1');
      const users = await ns.users('plain');
      const lost = await ns.step(plain.stage('v2'), {
        ...adopter,
        post: 'never',
        interrupt: { when, signal: 'SIGKILL' },
      });
      expect(lost.exitCode).toBe(137);
      await ns.cluster.kube.send({
        method: 'PATCH',
        path: `/apis/coordination.k8s.io/v1/namespaces/${ns.namespace}/leases/cutover-plain`,
        contentType: 'application/merge-patch+json',
        body: { spec: { renewTime: '2020-01-01T00:00:00.000000Z' } },
      });
      await ns.given(plain.release('v3'), adopter);
      await expectUsersSaw(users, ['v1', 'v3']);
    });
});

describe('An application that cannot be adopted stays unchanged:', () => {
  scenario('a Deployment in the middle of a rollout', cluster, async ns => {
    await plain.bring(ns);
    await plain.applyWithKubectl(ns, 'v1');
    const image = `${ns.cluster.images.site}:never-ready`;
    await setImage(ns, { deployment: 'plain', container: 'site', image });
    await ns.until('a new pod is there', async () => (await ns.list('Pod')).length > 2);
    expectRefused(await ns.step(plain.stage('v2'), adopter), /its pods are of several sets/);
    expect(await selector(ns)).toEqual({ app: 'plain' });
    expect(await ns.get('Deployment', 'plain-blue')).toBeUndefined();
  });

  scenario('a Service that selects nothing', cluster, async ns => {
    await plain.bring(ns);
    await plain.applyWithKubectl(ns, 'v1');
    await ns.cluster.kube.remove({ kind: 'Deployment', namespace: ns.namespace, name: 'plain' });
    await ns.until('its pods are on their way out', async () =>
      (await ns.list('Pod')).every(({ metadata }) => metadata.deletionTimestamp !== undefined),
    );
    expectRefused(await ns.step(plain.stage('v2'), adopter), /selects no ready pod/);
  });
});
