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
      { kind: 'to-adopt', revision: 1, service, deployment, role: 'blue' },
      'First, the live version would be adopted as revision 1: it is brought up once more as blue, Service shop/web is narrowed to it, and Deployment shop/web is scaled to zero. After the first promotion, Deployment shop/web is deleted.',
    ],
    [
      { kind: 'to-leave-roles', service, active: 'blue', roles: ['blue', 'green'] },
      'The release would leave its roles. When the new pods are ready, Service shop/web leads to them and to blue: for a moment, both versions answer, as in any rolling update. Then the objects of blue and green are deleted.',
    ],
    [{ kind: 'to-stage', revision: 3, role: 'green' }, 'Revision 3 would be staged on green, without user traffic.'],
    [
      { kind: 'to-replace-staged', revision: 2, role: 'green' },
      'It would replace revision 2, which is staged on green.',
    ],
    [
      { kind: 'to-switch', service, from: 'blue', to: 'green', by: 'promote' },
      '`promote` would later switch Service shop/web from blue to green: all users would move at once.',
    ],
    [
      { kind: 'to-switch', service: undefined, to: 'blue', by: 'deploy' },
      'The same step would then create the public Service and send users to blue.',
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
          previousService: { ref: service },
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
