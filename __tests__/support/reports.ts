import type { Report } from '../../src/report/report.js';
import type { LiveState } from '../../src/strategies/outcome/live-state.js';

const namespace = 'shop';
const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: 'web-green' };
const service = { apiVersion: 'v1', kind: 'Service', namespace, name: 'web-test-green' };

/** What a status finds of a release without Services that is as recorded. */
export const asRecorded: LiveState = { services: [], strangers: [], drift: [], uncompared: [] };

/** A blue/green deploy that ended staged. */
export const staged: Report = {
  action: 'deploy',
  strategy: 'blue-green',
  outcome: 'staged',
  release: 'web',
  namespace,
  revision: 8,
  activeRole: 'blue',
  idleRole: 'green',
  stagedRole: 'green',
  testUrl: 'http://web-test-green.shop.svc',
  serving: 'Users are on blue, revision 7.',
  changes: [
    { ref: deployment, change: 'changed' },
    { ref: service, change: 'unchanged' },
    { ref: { apiVersion: 'v1', kind: 'Namespace', name: namespace }, change: 'created' },
  ],
  checks: [
    {
      name: 'GET /',
      side: 'staged',
      verdict: 'pass',
      detail: '2 pods and Service web-test-green answered 200',
      attempts: 3,
      seconds: 8.2,
    },
  ],
  phases: [
    { name: 'Deploy', ms: 61_400 },
    { name: 'Verify staged', ms: 8_240 },
  ],
  rollbackHint: { action: 'reject', release: 'web', namespace },
};

/** A step that failed before its release was determined. */
export const early: Report = {
  action: 'deploy',
  outcome: 'failed',
  serving: 'Nothing was changed.',
  phases: [],
  error: {
    message: 'Two inputs are wrong',
    hint: 'Correct them and run the step again.',
    problems: [
      { message: 'strategy: "canary" is not one of rolling, blue-green' },
      { message: 'key is not known', at: { file: 'k8s/web.yml', line: 3, column: 5 } },
    ],
  },
};
