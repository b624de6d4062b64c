import { afterAll, describe, expect } from '@jest/globals';
import { field } from '../support/field.js';
import { startCluster } from '../support/scenario/cluster.js';
import { expectRefused, expectUsersMovedOver, expectUsersSaw, met } from '../support/scenario/expectations.js';
import { adopter, leaver, plain } from '../support/scenario/plain.js';
import { scenario } from '../support/scenario/scenario.js';
import { failing } from '../support/scenario/shop.js';
import type { TestNamespace } from '../support/scenario/test-namespace.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

const names = async (ns: TestNamespace, kind: Parameters<TestNamespace['list']>[0]): Promise<readonly string[]> =>
  (await ns.list(kind)).map(({ metadata }) => metadata.name).sort();
const selector = async (ns: TestNamespace): Promise<unknown> =>
  field(await ns.get('Service', 'plain'), 'spec', 'selector');
const notesOf = ({ outputs }: { readonly outputs: Readonly<Record<string, string>> }): string =>
  (JSON.parse(outputs.plan ?? '') as { readonly notes: readonly string[] }).notes.join('\n');

describe('A rolling release', () => {
  scenario('becomes blue/green by an adoption of its own Deployment, and its history goes on', cluster, async ns => {
    await plain.bring(ns);
    await ns.given(plain.roll('v1'));
    const users = await ns.users('plain');
    const plan = await ns.step({ ...plain.adopt('v2'), action: 'plan' }, { as: 'admin' });
    expect(notesOf(plan)).toMatch(/live version would be adopted as revision 2/);
    const staged = await ns.step(plain.adopt('v2'), adopter);
    expect(staged).toMatchObject({ exitCode: 0, outputs: { 'active-role': 'blue', revision: '3' } });
    expect(await names(ns, 'HorizontalPodAutoscaler')).toEqual(['plain-blue']);
    await ns.given(plain.promote(), adopter);
    expect(await names(ns, 'Deployment')).toEqual(['plain-blue', 'plain-green']);
    await met(users, 'v2');
    await ns.given(plain.rollback(), adopter);
    await expectUsersSaw(users, ['v1', 'v2', 'v1']);
  });

  scenario('is rolling again when its adoption was killed and restored', cluster, async ns => {
    await plain.bring(ns);
    await ns.given(plain.roll('v1'));
    const users = await ns.users('plain');
    const killed = await ns.step(plain.adopt('v2'), {
      ...adopter,
      interrupt: { when: /Waiting up to .*plain-blue/, signal: 'SIGKILL' },
    });
    expect([killed.exitCode, killed.postExitCode]).toEqual([137, 0]);
    await ns.given(plain.roll('v2'));
    await expectUsersMovedOver(users, 'v1', 'v2');
    expect(await names(ns, 'HorizontalPodAutoscaler')).toEqual(['plain']);
  });
});

describe('A blue/green release', () => {
  scenario('becomes rolling: the new pods answer beside the active role, which is then deleted', cluster, async ns => {
    await plain.bring(ns);
    await ns.given(plain.release('v1'));
    await ns.given(plain.release('v2'));
    const plan = await ns.step({ ...plain.roll('v3'), action: 'plan' }, { as: 'admin' });
    expect(notesOf(plan)).toMatch(
      /would leave its roles.*both versions answer, as in any rolling update.*objects of blue and green are deleted/s,
    );
    const users = await ns.users('plain');
    const rolled = await ns.step(plain.roll('v3'), leaver);
    expect(rolled).toMatchObject({ exitCode: 0, outputs: { outcome: 'deployed', revision: '3' } });
    // Never the version of the idle role.
    await expectUsersMovedOver(users, 'v2', 'v3');
    expect(await selector(ns)).toEqual({ app: 'plain' });
    expect(await names(ns, 'Deployment')).toEqual(['plain']);
    expect(await names(ns, 'HorizontalPodAutoscaler')).toEqual(['plain']);
    expect((await names(ns, 'ConfigMap')).filter(name => name.startsWith('plain'))).toEqual(['plain-config']);
    const later = await ns.users('plain');
    await ns.given(plain.roll('v4'));
    await expectUsersMovedOver(later, 'v3', 'v4');
  });

  scenario('keeps its roles while something is staged, and when the new version fails', cluster, async ns => {
    await plain.bring(ns);
    await ns.given(plain.release('v1'));
    await ns.given(plain.stage('v2'));
    expectRefused(await ns.step(plain.roll('v3', { strategy: '' }), leaver), /the input "strategy" is omitted/);
    expectRefused(await ns.step(plain.roll('v3'), leaver), /Revision 2 of release plain is staged on green/);
    await ns.given(plain.promote());
    const users = await ns.users('plain');
    expectRefused(await ns.step(plain.roll('v3', { verify: failing }), leaver), /nothing of that kind/);
    expect(await names(ns, 'Deployment')).toEqual(['plain-blue', 'plain-green']);
    expect(await selector(ns)).toEqual({ app: 'plain', 'cutover/role': 'green' });
    const counts = await users.stop();
    expect([counts.lost, counts.byVersion['v1']]).toEqual([0, undefined]);
    await ns.reaches('plain', 'v2');
    await ns.given(plain.rollback());
    await ns.reaches('plain', 'v1');
  });

  scenario('becomes rolling after a run that was killed on the way', cluster, async ns => {
    await plain.bring(ns);
    await ns.given(plain.release('v1'));
    const users = await ns.users('plain');
    const killed = await ns.step(plain.roll('v2'), {
      ...leaver,
      post: 'never',
      interrupt: { when: /Waiting up to .*plain/, signal: 'SIGKILL' },
    });
    expect(killed.exitCode).toBe(137);
    await ns.cluster.kube.remove({ kind: 'Lease', namespace: ns.namespace, name: 'cutover-plain' });
    expectRefused(await ns.step(plain.stage('v3')), /change to strategy rolling as revision 2 .* was never finished/);
    await ns.given(plain.roll('v2'), leaver);
    await expectUsersMovedOver(users, 'v1', 'v2');
    expect(await names(ns, 'Deployment')).toEqual(['plain']);
  });
});
