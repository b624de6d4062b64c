import { describe, expect, it } from '@jest/globals';
import { statusJson } from '../../src/report/status/status-json.js';
import type { LiveState } from '../../src/strategies/outcome/live-state.js';
import type { Outcome } from '../../src/strategies/outcome/outcome.js';
import { asRecorded } from '../support/reports.js';

const refs = Array.from({ length: 1_500 }, (_, index) => {
  return { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name: `settings-${index}` };
});
const reason = `configmaps is forbidden: User "deployer" cannot get resource "configmaps"${' in the namespace'.repeat(5)}`;
const status: Outcome = {
  ...{ outcome: 'status', release: 'web', namespace: 'shop', strategy: 'rolling', revision: 1 },
  ...{ changes: [], checks: [], history: [] },
  serving: { kind: 'rolling-status', current: 1, workloads: [], live: asRecorded },
};

describe('the output status', () => {
  it.each<[string, Partial<LiveState>]>([
    ['uncompared', { uncompared: refs.map(ref => ({ ref, reason })) }],
    ['drift', { drift: refs.map(ref => ({ ref, what: 'changed', by: [{ manager: reason, fields: [reason] }] })) }],
    ['services', { services: refs.map(ref => ({ ref: { ...ref, name: `${ref.name}${reason}` }, endpoints: 1 })) }],
    ['strangers', { strangers: refs.map(ref => ({ service: ref, owner: { ...ref, name: reason }, pods: 1 })) }],
  ])('stays within its limit where %s is long', (name, long) => {
    const serving = { kind: 'rolling-status', current: 1, workloads: [], live: { ...asRecorded, ...long } } as const;
    const json = statusJson({ ...status, serving })!;
    expect(json.length).toBeLessThanOrEqual(200_000);
    expect(json.length).toBeGreaterThan(195_000);
    expect(JSON.parse(json)).toMatchObject({ revision: 1, cut: true, [name]: expect.any(Array) as unknown });
  });

  it('stays within its limit where a text is long', () => {
    const serving = {
      kind: 'blue-green-status',
      roles: [],
      live: { ...asRecorded, undecided: 'x'.repeat(300_000) },
    } as const;
    const json = statusJson({ ...status, strategy: 'blue-green', serving })!;
    expect(json.length).toBeLessThanOrEqual(200_000);
    expect(JSON.parse(json)).toMatchObject({ undecided: expect.stringMatching(/^x{1000}$/) as unknown });
  });
});
