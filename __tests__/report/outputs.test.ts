import { describe, expect, it } from '@jest/globals';
import { buildOutputs } from '../../src/report/outputs.js';
import { early, staged } from '../support/reports.js';

describe('the outputs', () => {
  it('of a staged revision are the revision, the roles and the change of each object', () => {
    const { summary, changes, ...rest } = buildOutputs(staged);
    expect(rest).toEqual({
      outcome: 'staged',
      release: 'web',
      revision: '8',
      'active-role': 'blue',
      'idle-role': 'green',
      'staged-role': 'green',
      'test-url': 'http://web-test-green.shop.svc',
    });
    expect(JSON.parse(changes!)).toEqual([
      { kind: 'Deployment', namespace: 'shop', name: 'web-green', change: 'changed' },
      { kind: 'Service', namespace: 'shop', name: 'web-test-green', change: 'unchanged' },
      { kind: 'Namespace', name: 'shop', change: 'created' },
    ]);
    expect(summary).toMatch(/^## ✅ web: revision 8 is staged/);
  });

  it('of an early failure are the outcome and the summary alone', () => {
    expect(Object.keys(buildOutputs(early))).toEqual(['outcome', 'summary']);
  });

  it('of a status have no outcome, since nothing was done', () => {
    expect(buildOutputs({ ...staged, outcome: 'status' })).not.toHaveProperty('outcome');
  });

  it('name the revision before when there is one', () => {
    expect(buildOutputs({ ...staged, previousRevision: 7 })['previous-revision']).toBe('7');
  });

  it('leave unchanged objects out of a list that would be too long, and then the last ones', () => {
    const ref = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name });
    const many = (count: number, change: 'unchanged' | 'created') =>
      Array.from({ length: count }, (_, index) => ({ ref: ref(`object-${index}`), change }));
    const read = (changes: typeof staged.changes) =>
      JSON.parse(buildOutputs({ ...staged, changes: changes! })['changes']!) as { change: string }[];

    const mostlyUnchanged = read([...many(2_000, 'unchanged'), ...many(3, 'created')]);
    expect(mostlyUnchanged.map(({ change }) => change)).toEqual(['created', 'created', 'created']);

    const tooMany = buildOutputs({ ...staged, changes: many(5_000, 'created') })['changes']!;
    expect(Buffer.byteLength(tooMany)).toBeLessThanOrEqual(100_000);
    expect((JSON.parse(tooMany) as object[]).length).toBeGreaterThan(1_000);
  });
});
