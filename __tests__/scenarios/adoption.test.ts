import { afterAll, describe, expect } from '@jest/globals';
import { setImage } from './applications.js';
import { startCluster } from './cluster.js';
import { field } from './field.js';
import { expectRefused, expectUsersSaw, scenario } from './place.js';
import type { Place } from './place.js';
import { adopter, plain } from './plain.js';
import { failing } from './shop.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

const selector = async (place: Place): Promise<unknown> =>
  field(await place.get('Service', 'plain'), 'spec', 'selector');

describe('An application that is live without roles', () => {
  scenario('is the first way back, also after it was scaled down', cluster, async place => {
    await plain.bring(place);
    await plain.applyWithKubectl(place, 'v1');
    const users = await place.users('plain');
    await place.given(plain.release('v2', { idle: 'scale-down' }), adopter);
    expect(field(await place.get('Deployment', 'plain'), 'spec', 'replicas')).toBe(0);
    expect(await place.get('HorizontalPodAutoscaler', 'plain')).toBeUndefined();
    const back = await place.step(plain.rollback(), adopter);
    expect(back).toMatchObject({ exitCode: 0, outputs: { outcome: 'rolled-back', 'active-role': 'green' } });
    await expectUsersSaw(users, ['v1', 'v2', 'v1']);
    expect(await place.get('HorizontalPodAutoscaler', 'plain')).toBeDefined();
    await place.given(plain.release('v3'), adopter);
    await place.reaches('plain', 'v3');
  });

  scenario('is told by a plan, which touches nothing', cluster, async place => {
    await plain.bring(place);
    await plain.applyWithKubectl(place, 'v1');
    const before = await place.versions();
    // What docs/rbac.md says is to be added to the Role of `plan`.
    const reader = [
      { apiGroups: [''], resources: ['pods'], verbs: ['list'] },
      { apiGroups: ['apps'], resources: ['replicasets'], verbs: ['list'] },
      { apiGroups: ['autoscaling'], resources: ['horizontalpodautoscalers'], verbs: ['list'] },
    ];
    const { exitCode, outputs } = await place.step({ ...plain.stage('v2'), action: 'plan' }, { as: reader });
    expect({ exitCode, active: outputs['active-role'], staged: outputs['staged-role'] }).toEqual({
      exitCode: 0,
      active: 'green',
      staged: undefined,
    });
    const { story } = JSON.parse(outputs.plan ?? '') as { readonly story: readonly string[] };
    expect(story.join('\n')).toMatch(
      /Service \S*plain would first be pinned .*Deployment \S*plain serves on as green, untouched/,
    );
    expect(story.join('\n')).toMatch(/Revision 1 would be staged on blue, where no user is/);
    expect(await place.versions()).toEqual(before);
  });

  scenario('goes once a second release has taken its place', cluster, async place => {
    await plain.bring(place);
    await plain.applyWithKubectl(place, 'v1');
    await place.given(plain.release('v2'), adopter);
    const users = await place.users('plain');
    await place.given(plain.stage('v3'), adopter);
    expect(await place.get('Deployment', 'plain')).toBeDefined();
    await place.given(plain.promote(), adopter);
    expect(await place.get('Deployment', 'plain')).toBeUndefined();
    await expectUsersSaw(users, ['v2', 'v3']);
    await place.given(plain.rollback(), adopter);
    await place.reaches('plain', 'v2');
  });

  scenario('is as it was before when the first staging fails', cluster, async place => {
    await plain.bring(place);
    await plain.applyWithKubectl(place, 'v1');
    const before = await plain.written(place);
    const service = await place.get('Service', 'plain');
    const users = await place.users('plain');
    expectRefused(await place.step(plain.stage('v2', { verify: failing }), adopter), /nothing of that kind/);
    expect(await selector(place)).toEqual({ app: 'plain' });
    expect((await place.get('Service', 'plain'))?.metadata.annotations).toEqual(service?.metadata.annotations);
    expect(await plain.written(place)).toEqual(before);
    await place.given(plain.release('v2'), adopter);
    await expectUsersSaw(users, ['v1', 'v2']);
  });

  scenario('is as it was before when what is staged is rejected', cluster, async place => {
    await plain.bring(place);
    await plain.applyWithKubectl(place, 'v1');
    const before = await plain.written(place);
    const users = await place.users('plain');
    await place.given(plain.stage('v2'), adopter);
    expect(await place.step(plain.reject)).toMatchObject({ exitCode: 0, outputs: { outcome: 'rejected' } });
    expect(await selector(place)).toEqual({ app: 'plain' });
    expect(await plain.written(place)).toEqual(before);
    await place.given(plain.release('v3'), adopter);
    await expectUsersSaw(users, ['v1', 'v3']);
  });

  scenario('is put back by the post step of a run that was killed, and adopted by the next', cluster, async place => {
    await plain.bring(place);
    await plain.applyWithKubectl(place, 'v1');
    const users = await place.users('plain');
    const killed = await place.step(plain.stage('v2'), {
      ...adopter,
      interrupt: { when: /Deployment .*plain-blue created/, signal: 'SIGKILL' },
    });
    expect(killed.exitCode).toBe(137);
    expect(await selector(place)).toEqual({ app: 'plain' });
    await place.given(plain.release('v2'), adopter);
    await expectUsersSaw(users, ['v1', 'v2']);
  });

  for (const when of [/Service .* leads to the pods that serve now/, /Deployment .*plain-blue created/])
    scenario(`is adopted all the same after a run that was lost at ${when.source}`, cluster, async place => {
      await plain.bring(place);
      await plain.applyWithKubectl(place, 'v1');
      const users = await place.users('plain');
      const lost = await place.step(plain.stage('v2'), {
        ...adopter,
        post: 'never',
        interrupt: { when, signal: 'SIGKILL' },
      });
      expect(lost.exitCode).toBe(137);
      await place.cluster.kube.send({
        method: 'PATCH',
        path: `/apis/coordination.k8s.io/v1/namespaces/${place.namespace}/leases/cutover-plain`,
        contentType: 'application/merge-patch+json',
        body: { spec: { renewTime: '2020-01-01T00:00:00.000000Z' } },
      });
      await place.given(plain.release('v3'), adopter);
      await expectUsersSaw(users, ['v1', 'v3']);
    });
});

describe('What cannot be adopted is left as it is:', () => {
  scenario('a Deployment in the middle of a rollout', cluster, async place => {
    await plain.bring(place);
    await plain.applyWithKubectl(place, 'v1');
    const image = `${place.cluster.images.site}:never-ready`;
    await setImage(place, { deployment: 'plain', container: 'site', image });
    await place.until('a new pod is there', async () => (await place.list('Pod')).length > 2);
    expectRefused(await place.step(plain.stage('v2'), adopter), /its pods are of several sets/);
    expect(await selector(place)).toEqual({ app: 'plain' });
    expect(await place.get('Deployment', 'plain-blue')).toBeUndefined();
  });

  scenario('a Service that leads to nothing', cluster, async place => {
    await plain.bring(place);
    await plain.applyWithKubectl(place, 'v1');
    await place.cluster.kube.remove({ kind: 'Deployment', namespace: place.namespace, name: 'plain' });
    await place.until('its pods are on their way out', async () =>
      (await place.list('Pod')).every(({ metadata }) => metadata.deletionTimestamp !== undefined),
    );
    expectRefused(await place.step(plain.stage('v2'), adopter), /leads to no ready pod/);
  });
});
