import { expect } from '@jest/globals';
import { field } from '../field.js';
import type { StepResult } from '../runner/runner.js';
import type { Traffic } from '../traffic/traffic.js';
import { arrived, met } from './arrivals.js';
import type { TestNamespace } from './test-namespace.js';

export { arrived, met };

/** The step failed with an error that matches, and its outcome is `failed`. */
export function expectRefused(result: StepResult, message: RegExp): void {
  const errors = result.annotations.filter(({ level }) => level === 'error').map(({ message: text }) => text);
  expect(errors.join('\n')).toMatch(message);
  expect({ exitCode: result.exitCode, post: result.postExitCode }).toEqual({ exitCode: 1, post: 0 });
  expect(result.outputs.outcome).toBe('failed');
}

/** Waits for the last version and ends the stream: no request was lost, and users saw the versions in this order. */
export async function expectUsersSaw(users: Traffic, versions: readonly string[]): Promise<void> {
  await arrived(users, versions.at(-1));
  const counts = await users.stop();
  expect(counts.losses).toEqual([]);
  expect(counts.lost).toBe(0);
  expect(counts.timeline.map(({ version }) => version)).toEqual(versions);
}

/** The same for a rolling update, during which both versions answer. */
export async function expectUsersMovedOver(users: Traffic, from: string, to: string): Promise<void> {
  await arrived(users, to, 20);
  const counts = await users.stop();
  expect(counts.losses).toEqual([]);
  expect(Object.keys(counts.byVersion).sort()).toEqual([from, to].sort());
  expect([counts.timeline[0]?.version, counts.timeline.at(-1)?.version]).toEqual([from, to]);
}

/** Waits until no pod of the namespace is terminating. */
export async function settled(ns: TestNamespace): Promise<void> {
  await ns.until('pods that end are gone', async () => {
    const pods = await ns.list('Pod');
    return pods.every(({ metadata }) => metadata.deletionTimestamp === undefined);
  });
}

/** Waits until a Deployment has this number of ready pods. */
export async function untilReady(ns: TestNamespace, deployment: string, pods: number): Promise<void> {
  await ns.until(`${deployment} has ${pods} ready pods`, async () => {
    return field(await ns.get('Deployment', deployment), 'status', 'readyReplicas') === pods;
  });
}
