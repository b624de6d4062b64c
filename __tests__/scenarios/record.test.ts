import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect } from '@jest/globals';
import { refOf, type KubeObject } from '../../src/kubernetes/object.js';
import type { StepResult } from '../support/runner/runner.js';
import { startCluster } from '../support/scenario/cluster.js';
import { expectRefused } from '../support/scenario/expectations.js';
import { scenario } from '../support/scenario/scenario.js';
import { passing, shop } from '../support/scenario/shop.js';
import { foreignObjects, tamper, type Foreign } from '../support/scenario/tampering.js';
import type { TestNamespace } from '../support/scenario/test-namespace.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

// A step with all rights: what it leaves alone is left alone for no other reason than that the record is not trusted.
const deployer = { as: 'admin' } as const;

const warned = ({ annotations }: StepResult): string =>
  annotations
    .filter(({ level }) => level === 'warning')
    .map(({ message }) => message)
    .join('\n');

/** Adds items to lists of revision `n`. */
const addTo = (ns: TestNamespace, n: number, lists: Readonly<Record<string, readonly unknown[]>>): Promise<void> =>
  tamper(ns, { name: `cutover-shop.${n}`, key: 'bulk' }, record => ({
    ...record,
    ...Object.fromEntries(
      Object.entries(lists).map(([name, items]) => [name, [...(record[name] as unknown[]), ...items]]),
    ),
  }));

const setInfo = (ns: TestNamespace, n: number, info: object): Promise<void> =>
  tamper(ns, { name: `cutover-shop.${n}`, key: 'info' }, record => ({ ...record, ...info }));

const namesOf = ({ namespace }: TestNamespace, objects: readonly KubeObject[]): readonly string[] =>
  objects.map(
    ({ kind, metadata }) => `${kind} ${metadata.namespace === undefined ? '' : `${namespace}/`}${metadata.name}`,
  );

const givingRights = ({ clusterRoleBinding, roleBinding }: Foreign) => [clusterRoleBinding, roleBinding];

describe('Checks on record', () => {
  const command = '- run: touch "$GITHUB_WORKSPACE/ran" && echo ran\n';
  const isRun = ({ workspace }: TestNamespace): boolean => existsSync(join(workspace, 'ran'));

  scenario(
    'are run again if they request a path; a command is skipped, and only its name is on record',
    cluster,
    async ns => {
      await shop.bring(ns);
      await ns.given(shop.release('v1'));
      await ns.given(shop.stage('v2', { verify: `${passing}${command}` }), {
        environment: { GITHUB_WORKSPACE: ns.workspace },
      });
      const promoted = await ns.step(shop.promote());
      expect(promoted.exitCode).toBe(0);
      expect(promoted.log).toMatch(/passed: GET \/: /);
      expect(promoted.log).toMatch(/skipped: run: touch .* set `verify` in this step/);
      expect(promoted.log).not.toMatch(/^\| ran$/m);
    },
  );

  scenario('that somebody has added as a command are never run', cluster, async ns => {
    await shop.bring(ns);
    await ns.given(shop.release('v1'));
    await ns.given(shop.stage('v2'));
    await setInfo(ns, 2, {
      checks: [{ kind: 'run', command: `touch ${ns.workspace}/ran`, when: 'both', retryMs: 0, intervalMs: 1000 }],
    });
    expectRefused(
      await ns.step(shop.promote(), deployer),
      /cutover-shop.2 cannot be used: its field checks\[0\]\.kind/,
    );
    expect(isRun(ns)).toBe(false);
  });

  scenario('that lead out of the proxy of the API server are skipped', cluster, async ns => {
    await shop.bring(ns);
    await ns.given(shop.release('v1'));
    await ns.given(shop.stage('v2'));
    const path = '/../../../../secrets/cutover-shop';
    await tamper(ns, { name: 'cutover-shop.2', key: 'info' }, record => ({
      ...record,
      checks: (record['checks'] as object[]).map(check => ({ ...check, target: path })),
    }));
    const promoted = await ns.step(shop.promote(), deployer);
    expect(promoted.exitCode).toBe(0);
    expect(promoted.log).toContain(`skipped: GET ${path}`);
  });
});

describe('A record to which somebody has added objects of others', () => {
  scenario('promotes without them', cluster, async ns => {
    await shop.bring(ns);
    const foreign = await foreignObjects(ns);
    await ns.given(shop.release('v1'));
    await ns.given(shop.release('v2'));
    await ns.given(shop.stage('v3'));
    const before = await foreign.now();
    const applied = [...givingRights(foreign), foreign.deployment];
    await addTo(ns, 3, { applyAfterSwitch: applied });
    await setInfo(ns, 3, { deleteAfterSwitch: [{ ref: refOf(foreign.configMap) }] });
    const promoted = await ns.step(shop.promote(), deployer);
    expect(promoted).toMatchObject({ exitCode: 0, outputs: { outcome: 'switched' } });
    for (const name of namesOf(ns, [...applied, foreign.configMap]))
      expect(warned(promoted)).toContain(`${name} is left as it is, though the record of shop names it`);
    expect(await foreign.now()).toEqual(before);
  });

  scenario('is refused by a blue/green rollback; what is gone and gives rights is left out', cluster, async ns => {
    await shop.bring(ns);
    const foreign = await foreignObjects(ns);
    await ns.given(shop.release('v1'));
    await ns.given(shop.release('v2'));
    const before = await foreign.now();
    await addTo(ns, 1, { objects: [...givingRights(foreign), foreign.deployment] });
    const refused = await ns.step(shop.rollback(), deployer);
    expectRefused(
      refused,
      /does not own; none of them was changed: Deployment .*neighbour: it belongs to release neighbour/,
    );
    await tamper(ns, { name: 'cutover-shop.1', key: 'bulk' }, record => ({
      ...record,
      objects: (record['objects'] as KubeObject[]).filter(({ metadata }) => metadata.name !== 'neighbour'),
    }));
    const back = await ns.step(shop.rollback(), deployer);
    expect(back).toMatchObject({ exitCode: 0, outputs: { outcome: 'rolled-back' } });
    for (const name of namesOf(ns, givingRights(foreign))) expect(warned(back)).toContain(`${name} is left as it is`);
    expect(await foreign.now()).toEqual(before);
  });

  scenario('is refused by a rolling rollback; what is gone and gives rights is left out', cluster, async ns => {
    await shop.bring(ns);
    const foreign = await foreignObjects(ns);
    await ns.given(shop.roll('v1'));
    await ns.given(shop.roll('v2'));
    const before = await foreign.now();
    await addTo(ns, 1, { objects: [...givingRights(foreign), foreign.deployment] });
    expectRefused(await ns.step(shop.rollback(), deployer), /does not own.*neighbour/);
    await tamper(ns, { name: 'cutover-shop.1', key: 'bulk' }, record => ({
      ...record,
      objects: (record['objects'] as KubeObject[]).filter(({ metadata }) => metadata.name !== 'neighbour'),
    }));
    const back = await ns.step(shop.rollback(), deployer);
    expect(back).toMatchObject({ exitCode: 0, outputs: { outcome: 'rolled-back' } });
    for (const name of namesOf(ns, givingRights(foreign))) expect(warned(back)).toContain(`${name} is left as it is`);
    expect(await foreign.now()).toEqual(before);
  });

  scenario('is rejected without them', cluster, async ns => {
    await shop.bring(ns);
    const foreign = await foreignObjects(ns);
    await ns.given(shop.release('v1'));
    await ns.given(shop.stage('v2'));
    const before = await foreign.now();
    const objects = [...givingRights(foreign), foreign.deployment];
    const snapshots = objects.map(object => ({ ref: refOf(object), object }));
    await addTo(ns, 2, { before: [...snapshots, { ref: refOf(foreign.configMap) }] });
    const rejected = await ns.step(shop.reject(), deployer);
    expect(rejected).toMatchObject({ exitCode: 0, outputs: { outcome: 'rejected' } });
    for (const name of namesOf(ns, objects)) expect(warned(rejected)).toContain(`${name} is left as it is`);
    expect(warned(rejected)).toMatch(/neighbour is not deleted: .* it belongs to release neighbour/);
    expect(await foreign.now()).toEqual(before);
  });
});

describe('A record that names another public Service', () => {
  const pointTo = async (ns: TestNamespace, service: KubeObject, n: number): Promise<void> => {
    await tamper(ns, { name: 'cutover-shop', key: 'state' }, state => ({ ...state, publicServices: [refOf(service)] }));
    await tamper(ns, { name: `cutover-shop.${n}`, key: 'bulk' }, record => ({ ...record, publicServices: [service] }));
  };

  scenario('moves nobody', cluster, async ns => {
    await shop.bring(ns);
    const foreign = await foreignObjects(ns);
    await ns.given(shop.release('v1'));
    await ns.given(shop.stage('v2'));
    const { spec } = (await ns.get('Service', 'shop')) as KubeObject & { spec: { selector: object } };
    const selector = spec.selector as Record<string, string>;
    // The neighbour's users are to be moved to the staged pods.
    await pointTo(
      ns,
      { ...foreign.service, spec: { selector: { ...selector, role: 'green' }, ports: [{ port: 80 }] } },
      2,
    );
    await tamper(ns, { name: 'cutover-shop', key: 'state' }, state => {
      const roles = state['roles'] as { blue: object };
      return { ...state, roles: { ...roles, blue: { ...roles.blue, podLabels: [{ app: 'neighbour' }] } } };
    });
    const before = await foreign.now();
    const refused = await ns.step(shop.promote(), deployer);
    expectRefused(
      refused,
      /does not own; none of them was changed: Service .*neighbour: it belongs to release neighbour/,
    );
    expect(await foreign.now()).toEqual(before);
  });

  scenario('as the one to go back to after a killed switch is not used', cluster, async ns => {
    await shop.bring(ns);
    const foreign = await foreignObjects(ns);
    await ns.given(shop.release('v1'));
    await ns.given(shop.stage('v2'));
    const killed = await ns.step(shop.promote(), {
      post: 'never',
      interrupt: { when: /Service .* switched/, signal: 'SIGKILL' },
    });
    expect(killed.exitCode).toBe(137);
    await ns.cluster.kube.remove({ kind: 'Lease', namespace: ns.namespace, name: 'cutover-shop' });
    await tamper(ns, { name: 'cutover-shop', key: 'state' }, state => ({
      ...state,
      operation: {
        ...(state['operation'] as object),
        services: [{ before: { ref: refOf(foreign.service), object: foreign.service }, sent: true }],
      },
    }));
    const before = await foreign.now();
    for (const step of [shop.promote(), shop.rollback()])
      expectRefused(await ns.step(step, deployer), /its field operation\.services\[0\]\.before\.ref/);
    expect(await foreign.now()).toEqual(before);
  });
});
