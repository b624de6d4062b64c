import { afterAll, describe, expect } from '@jest/globals';
import { setImage } from '../support/scenario/applications.js';
import { startCluster } from '../support/scenario/cluster.js';
import { field } from '../support/field.js';
import { scenario } from '../support/scenario/scenario.js';
import { expectRefused, expectUsersSaw, met, settled } from '../support/scenario/expectations.js';
import type { TestNamespace } from '../support/scenario/test-namespace.js';
import { adopter, plain } from '../support/scenario/plain.js';
import { failing } from '../support/scenario/shop.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

const selector = async (ns: TestNamespace): Promise<unknown> =>
  field(await ns.get('Service', 'plain'), 'spec', 'selector');
const onBlue = { app: 'plain', 'cutover/role': 'blue' };
const replicas = async (ns: TestNamespace, name: string): Promise<unknown> =>
  field(await ns.get('Deployment', name), 'spec', 'replicas');
const names = async (ns: TestNamespace, kind: Parameters<TestNamespace['list']>[0]): Promise<readonly string[]> =>
  (await ns.list(kind)).map(({ metadata }) => metadata.name).sort();

/** Ends the lock of a run that is gone, as time would. */
const freeLock = (ns: TestNamespace): Promise<void> =>
  ns.cluster.kube.remove({ kind: 'Lease', namespace: ns.namespace, name: 'cutover-plain' });

async function live(ns: TestNamespace) {
  await plain.bring(ns);
  await plain.applyWithKubectl(ns, 'v1');
  return ns.users('plain');
}

describe('An application that runs without roles', () => {
  scenario(
    'comes up once more as blue, with an autoscaler and a budget, before anything is staged',
    cluster,
    async ns => {
      const users = await live(ns);
      const staged = await ns.step(plain.adopt('v2'), adopter);
      expect(staged.summary).toMatch(/Deployment \S*plain, which is no longer reached and is deleted after the first/);
      expect(await selector(ns)).toEqual(onBlue);
      expect([await replicas(ns, 'plain'), await replicas(ns, 'plain-blue')]).toEqual([0, 2]);
      expect(await names(ns, 'HorizontalPodAutoscaler')).toEqual(['plain-blue']);
      expect(await names(ns, 'PodDisruptionBudget')).toEqual(['plain-blue']);
      const status = await ns.step({ action: 'status', release: 'plain' });
      expect(status.log).toMatch(/Users are on blue[^]*plain is no longer reached/);
      await ns.given(plain.promote(), adopter);
      expect(await ns.get('Deployment', 'plain')).toBeUndefined();
      await expectUsersSaw(users, ['v1', 'v2']);
    },
  );

  scenario('is what the first rollback returns to, also after it was scaled down', cluster, async ns => {
    const users = await live(ns);
    await ns.given(plain.release('v2', { 'idle-policy': 'scale-down' }), adopter);
    expect(await replicas(ns, 'plain-blue')).toBe(0);
    const back = await ns.step(plain.rollback(), adopter);
    expect(back).toMatchObject({ exitCode: 0, outputs: { outcome: 'rolled-back', 'active-role': 'blue' } });
    await expectUsersSaw(users, ['v1', 'v2', 'v1']);
    expect(await names(ns, 'HorizontalPodAutoscaler')).toContain('plain-blue');
    await ns.given(plain.release('v3'), adopter);
    await ns.reaches('plain', 'v3');
    await ns.given(plain.release('v4'), adopter);
    await ns.reaches('plain', 'v4');
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
      { apiGroups: ['policy'], resources: ['poddisruptionbudgets'], verbs: ['list'] },
    ];
    const { exitCode, outputs } = await ns.step({ ...plain.adopt('v2'), action: 'plan' }, { as: reader });
    expect({ exitCode, active: outputs['active-role'], staged: outputs['staged-role'] }).toEqual({
      exitCode: 0,
      active: 'blue',
      staged: undefined,
    });
    const { notes } = JSON.parse(outputs.plan ?? '') as { readonly notes: readonly string[] };
    expect(notes.join('\n')).toMatch(
      /adopted as revision 1: it is brought up once more as blue, Service \S*plain is narrowed to it, and Deployment \S*plain is scaled to zero/,
    );
    expect(notes.join('\n')).toMatch(/After the first promotion, Deployment \S*plain is deleted/);
    expect(notes.join('\n')).toMatch(/Revision 2 would be staged on green, without user traffic/);
    expect(await ns.versions()).toEqual(before);
  });

  scenario('stays adopted when the first staging fails', cluster, async ns => {
    const users = await live(ns);
    expectRefused(await ns.step(plain.adopt('v2', { verify: failing }), adopter), /nothing of that kind/);
    expect(await selector(ns)).toEqual(onBlue);
    expect(await ns.get('Deployment', 'plain-green')).toBeUndefined();
    await ns.given(plain.release('v2'), adopter);
    await expectUsersSaw(users, ['v1', 'v2']);
  });

  scenario('stays adopted when the staged version is rejected', cluster, async ns => {
    const users = await live(ns);
    await ns.given(plain.adopt('v2'), adopter);
    expect(await ns.step(plain.reject)).toMatchObject({ exitCode: 0, outputs: { outcome: 'rejected' } });
    expect(await selector(ns)).toEqual(onBlue);
    await ns.given(plain.release('v3'), adopter);
    await expectUsersSaw(users, ['v1', 'v3']);
  });

  scenario('is not adopted when the new version would be refused anyway', cluster, async ns => {
    const users = await live(ns);
    const before = await ns.versions();
    await ns.rewrite('plain.yml', text => text.replace('containerPort: 8080', 'containerPort: http'));
    expectRefused(await ns.step(plain.adopt('v2'), adopter), /containerPort/);
    expect(await ns.versions()).toEqual(before);
    await expectUsersSaw(users, ['v1']);
  });

  scenario('is restored by the post step of a run that was killed before the switch', cluster, async ns => {
    const users = await live(ns);
    const before = await plain.written(ns);
    const service = await ns.get('Service', 'plain');
    const killed = await ns.step(plain.adopt('v2'), {
      ...adopter,
      interrupt: { when: /Waiting up to .*plain-blue/, signal: 'SIGKILL' },
    });
    expect([killed.exitCode, killed.postExitCode]).toEqual([137, 0]);
    expect([await selector(ns), await plain.written(ns)]).toEqual([{ app: 'plain' }, before]);
    expect((await ns.get('Service', 'plain'))?.metadata.annotations).toEqual(service?.metadata.annotations);
    expect(await names(ns, 'HorizontalPodAutoscaler')).toEqual(['plain']);
    expect(await names(ns, 'PodDisruptionBudget')).toEqual(['plain']);
    await settled(ns);
    await ns.given(plain.release('v2'), adopter);
    await expectUsersSaw(users, ['v1', 'v2']);
  });

  scenario('is left to the next deploy by the post step of a run that was killed after it', cluster, async ns => {
    const users = await live(ns);
    const killed = await ns.step(plain.adopt('v2', { drain: '10s' }), {
      ...adopter,
      interrupt: { when: /Draining Deployment .*plain/, signal: 'SIGKILL' },
    });
    expect([killed.exitCode, killed.postExitCode]).toEqual([137, 0]);
    expect(killed.log).toMatch(/Users are on blue, which runs the version that was live before/);
    expect(await selector(ns)).toEqual(onBlue);
    expectRefused(await ns.step(plain.promote(), adopter), /adoption as blue of release plain was never finished/);
    await ns.given(plain.release('v2'), adopter);
    expect(await names(ns, 'PodDisruptionBudget')).toEqual(['plain-blue']);
    await expectUsersSaw(users, ['v1', 'v2']);
  });

  for (const when of [/Waiting up to .*plain-blue/, /Draining Deployment .*plain/])
    scenario(`is adopted after a run that was lost at ${when.source}`, cluster, async ns => {
      const users = await live(ns);
      const lost = await ns.step(plain.adopt('v2', { drain: '10s' }), {
        ...adopter,
        post: 'never',
        interrupt: { when, signal: 'SIGKILL' },
      });
      expect(lost.exitCode).toBe(137);
      await freeLock(ns);
      await ns.given(plain.release('v3'), adopter);
      await expectUsersSaw(users, ['v1', 'v3']);
      expect(await names(ns, 'Deployment')).toEqual(['plain-blue', 'plain-green']);
    });

  scenario('is not adopted when somebody releases another version before the switch', cluster, async ns => {
    await plain.bring(ns);
    await plain.applyWithKubectl(ns, 'v1');
    const image = `${ns.cluster.images.site}:v9`;
    let set: Promise<void> | undefined;
    const result = await ns.step(plain.adopt('v2'), {
      ...adopter,
      onLine: line => {
        if (/Deployment .*plain-blue created/.test(line))
          set ??= setImage(ns, { deployment: 'plain', container: 'site', image });
      },
    });
    await set;
    expectRefused(result, /Deployment \S*plain was changed while its version was being brought up once more/);
    expect(await selector(ns)).toEqual({ app: 'plain' });
    expect(await names(ns, 'HorizontalPodAutoscaler')).toEqual(['plain']);
    expect(await ns.get('Deployment', 'plain-blue')).toBeUndefined();
    await ns.reaches('plain', 'v9');
  });

  scenario('is restarted and changed while a version is staged, and no user notices', cluster, async ns => {
    const users = await live(ns);
    await ns.given(plain.adopt('v2'), adopter);
    await plain.restart(ns);
    await setImage(ns, { deployment: 'plain', container: 'site', image: `${ns.cluster.images.site}:v9` });
    await ns.cluster.kube.patch(
      { kind: 'Deployment', namespace: ns.namespace, name: 'plain' },
      { spec: { replicas: 1 } },
    );
    await ns.until('the old one has a pod of v9', async () =>
      (await ns.list('Pod')).some(
        pod => field(pod, 'spec', 'containers', 0, 'image') === `${ns.cluster.images.site}:v9`,
      ),
    );
    await ns.given(plain.promote(), adopter);
    await met(users, 'v2');
    await ns.given(plain.rollback(), adopter);
    await expectUsersSaw(users, ['v1', 'v2', 'v1']);
  });
});

describe('An application that cannot be adopted stays unchanged:', () => {
  scenario('a Deployment in the middle of a rollout', cluster, async ns => {
    await plain.bring(ns);
    await plain.applyWithKubectl(ns, 'v1');
    const image = `${ns.cluster.images.site}:never-ready`;
    await setImage(ns, { deployment: 'plain', container: 'site', image });
    await ns.until('a new pod is there', async () => (await ns.list('Pod')).length > 2);
    expectRefused(await ns.step(plain.adopt('v2'), adopter), /its pods are of several sets/);
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
    expectRefused(await ns.step(plain.adopt('v2'), adopter), /selects no ready pod/);
  });
});
