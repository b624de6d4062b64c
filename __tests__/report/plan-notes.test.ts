import { describe, expect, it } from '@jest/globals';
import { comparisonLines } from '../../src/report/log-plan.js';
import { describePlanNote } from '../../src/report/plan-notes.js';
import type { PlanNote } from '../../src/strategies/outcome/plan-note.js';

const ref = (kind: string, name: string) => ({ apiVersion: 'v1', kind, namespace: 'shop', name });
const service = ref('Service', 'web');
const deployment = ref('Deployment', 'web');
const run = 'https://ci.example/7';
const begun = { run, holder: '7/1/deploy/abc' };

describe('a note of a plan', () => {
  it.each<[PlanNote, string]>([
    [{ kind: 'unchanged', revision: 4 }, 'Nothing would be changed: revision 4 already has these manifests.'],
    [{ kind: 'to-deploy', revision: 5 }, 'Revision 5 would be deployed.'],
    [{ kind: 'refused' }, 'A deploy of these manifests would be refused.'],
    [{ kind: 'pods-to-replace', how: 'few', workloads: [] }, 'No pod that runs now would be replaced.'],
    [
      { kind: 'pods-to-replace', how: 'all', workloads: [deployment] },
      'All pods would be stopped before new ones start: Deployment shop/web.',
    ],
    [
      { kind: 'pods-to-replace', how: 'few', workloads: [deployment] },
      'Pods would be replaced, a few at a time: Deployment shop/web.',
    ],
    [
      { kind: 'active-unchanged', role: 'blue' },
      'Nothing would be changed: users are on blue, which already runs these manifests.',
    ],
    [
      { kind: 'staged-before', revision: 2, role: 'green' },
      'Nothing would be changed: revision 2 is staged on green already.',
    ],
    [
      { kind: 'to-adopt', revision: 1, services: [service], deployments: [deployment], role: 'blue' },
      'First, the live version would be adopted as revision 1: it is brought up once more as blue, Service shop/web is narrowed to it, and Deployment shop/web is scaled to zero. After the first promotion, Deployment shop/web is deleted.',
    ],
    [
      {
        ...{ kind: 'to-adopt', revision: 1, role: 'blue' },
        services: [service, { ...service, name: 'api' }],
        deployments: [deployment, { ...deployment, name: 'api' }],
      },
      'First, the live version would be adopted as revision 1: it is brought up once more as blue, Service shop/web and Service shop/api are narrowed to it, one right after the other, and Deployment shop/web and Deployment shop/api are scaled to zero. After the first promotion, Deployment shop/web and Deployment shop/api are deleted.',
    ],
    [
      { kind: 'to-leave-roles', services: [service], active: 'blue', roles: ['blue', 'green'] },
      'The release would leave its roles. When the new pods are ready, Service shop/web leads to them and to blue: for a moment, both versions answer, as in any rolling update. Then the objects of blue and green are deleted.',
    ],
    [{ kind: 'to-stage', revision: 3, role: 'green' }, 'Revision 3 would be staged on green, without user traffic.'],
    [
      { kind: 'to-replace-staged', revision: 2, role: 'green' },
      'It would replace revision 2, which is staged on green.',
    ],
    [
      { kind: 'to-switch', services: [service], from: 'blue', to: 'green', by: 'promote' },
      '`promote` would later switch Service shop/web from blue to green: all users would move at once.',
    ],
    [
      { kind: 'to-switch', services: [service, ref('Service', 'api')], from: 'blue', to: 'green', by: 'promote' },
      '`promote` would later switch Service shop/web and Service shop/api from blue to green: all users would move at once, one Service right after the other.',
    ],
    [
      { kind: 'to-switch', services: [service, ref('Service', 'api')], to: 'blue', by: 'deploy' },
      'The same step would then create Service shop/web and Service shop/api and send users to blue.',
    ],
    [
      {
        ...{ kind: 'to-close-connections', role: 'blue', drainMs: 30_000, by: 'promote' },
        time: { pods: 20, atOnce: 5, batches: 4, graceMs: 60_000, startMs: 10_000 },
      },
      'Unless `promote` is told otherwise, after the drain of 30s, connections that users keep open to blue would be closed: its 20 pods are replaced, at most 5 at a time; that takes up to 1m40s.',
    ],
    [
      {
        ...{ kind: 'to-close-connections', role: 'blue', drainMs: 0, by: 'deploy' },
        time: { pods: 2, atOnce: 1, batches: 2, graceMs: 30_000 },
      },
      'After the drain of 0s, connections that users keep open to blue would be closed: its 2 pods are replaced, at most 1 at a time; each batch once the one before it is ready (2 in all), and the last pods end within 30s.',
    ],
    [
      {
        ...{ kind: 'to-close-connections', role: 'blue', drainMs: 30_000, timeoutMs: 600_000, by: 'deploy' },
        time: { pods: 20, atOnce: 5, batches: 4, graceMs: 3_600_000 },
      },
      'After the drain of 30s, connections that users keep open to blue would stay open: to replace its 20 pods may take longer than `timeout` (10m), in 4 batches and with a grace of 1h.',
    ],
    [
      {
        kind: 'unfinished',
        operation: {
          ...begun,
          kind: 'switch',
          direction: 'promote',
          revision: 2,
          role: 'green',
          services: [{ before: { ref: service } }],
        },
      },
      `Unfinished: the switch to revision 2 (green), begun by ${run}; no deploy begins before \`promote\` or \`rollback\` has finished it.`,
    ],
    [
      { kind: 'unfinished', operation: { ...begun, kind: 'deploy', revision: 2 } },
      `Unfinished: the deploy of revision 2, begun by ${run}; the next deploy finishes it or starts from what it had found.`,
    ],
    [
      { kind: 'unfinished', operation: { ...begun, kind: 'reject', revision: 2, role: 'green' } },
      `Unfinished: the rejection of revision 2 (green), begun by ${run}; no deploy begins before \`reject\` has finished it.`,
    ],
    [
      { kind: 'unfinished', operation: { ...begun, kind: 'prepare', revision: 2, role: 'green' } },
      `Unfinished: the preparation of revision 2 (green), begun by ${run}; the next deploy finishes it or starts from what it had found.`,
    ],
    // The role that users left is not the role of the revision.
    [
      {
        kind: 'unfinished',
        operation: { ...begun, kind: 'finish', direction: 'promote', revision: 2, leftRole: 'blue' },
      },
      `Unfinished: the clean-up after the switch to revision 2, begun by ${run}; the next deploy finishes it or starts from what it had found.`,
    ],
    [
      { kind: 'unfinished', operation: { ...begun, kind: 'leave', revision: 2, role: 'blue' } },
      `Unfinished: the change to strategy rolling as revision 2, begun by ${run}; the next deploy with \`strategy: rolling\` finishes it.`,
    ],
  ])('%j is one sentence', (note, sentence) => {
    expect(describePlanNote(note)).toBe(sentence);
  });
});

describe('the comparison with the active role', () => {
  it('has a line for each object that users would get differently, and one for each field', () => {
    expect(
      comparisonLines('blue', [
        { ref: service, when: 'switch', change: 'created', fields: [] },
        { ref: deployment, when: 'switch', change: 'changed', fields: [{ path: 'spec.replicas', from: '1', to: '2' }] },
      ]),
    ).toEqual([
      'Compared with blue, where users are:',
      'Service shop/web: new',
      'Deployment shop/web: different',
      '  spec.replicas: 1 → 2',
    ]);
  });

  it('is empty when nothing would be different', () => {
    expect(comparisonLines('blue', [])).toEqual([]);
  });
});
