import { describe, expect, it } from '@jest/globals';
import { describeRecovered } from '../../src/report/restored.js';
import { describeServing } from '../../src/report/serving.js';
import { describeOperation } from '../../src/report/status/status.js';
import type { AdoptOperation, LeaveOperation } from '../../src/release/operation.js';
import type { Recovered } from '../../src/strategies/outcome/restored.js';
import type { Serving } from '../../src/strategies/outcome/serving.js';
import { asRecorded } from '../support/reports.js';

const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web' };
const api = { ...deployment, name: 'api' };
const begun = { run: 'https://ci.example/7', holder: 'run 7' };
const adopt: AdoptOperation = {
  ...{ kind: 'adopt', revision: 1, role: 'blue', ...begun },
  deployments: [{ ref: deployment, uid: 'u', template: 'hash', imageIds: {} }],
};
const leave: LeaveOperation = { kind: 'leave', revision: 3, role: 'green', ...begun };
const restored = { kind: 'complete', ready: false, withheld: [], kept: [], left: [] } as const;
const note = ' The release record could not be updated (no connection); the next run treats this step as unfinished.';
const unrecorded = 'no connection';

describe('what serves users around a change of strategy', () => {
  it.each<[Serving, string]>([
    [
      { kind: 'not-adopted', deployments: [deployment], result: { kind: 'not-begun' } },
      'Users are on Deployment shop/web, as before. Nothing was changed.',
    ],
    [
      { kind: 'not-adopted', deployments: [deployment], result: { kind: 'restored', restored } },
      'Users are on Deployment shop/web, as before. Everything was restored.',
    ],
    [
      { kind: 'not-adopted', deployments: [deployment], result: { kind: 'left', unrecorded } },
      `Users are on Deployment shop/web, as before. The adoption was left as it is (rollback-on-failure: false).${note}`,
    ],
    [
      { kind: 'adoption-unfinished', role: 'blue', revision: 1, deployments: [deployment], unrecorded },
      `Users are on blue, revision 1: the version of Deployment shop/web, which was live before. The adoption is not finished; run this step again to finish it.${note}`,
    ],
    [
      {
        ...{ kind: 'adoption-unfinished', role: 'blue', revision: 1 },
        deployments: [deployment, api],
        notNarrowed: [{ ...api, apiVersion: 'v1', kind: 'Service' }],
      },
      'Users are on blue, revision 1: the version of Deployment shop/web and Deployment shop/api, which were live before. Service shop/api still leads to Deployment shop/web and Deployment shop/api, which run the same version. The adoption is not finished; run this step again to finish it.',
    ],
    [
      {
        kind: 'staging',
        users: { kind: 'role', role: 'blue', revision: 1, adopted: [deployment] },
        result: { kind: 'staged', role: 'green', revision: 2 },
      },
      'Users are on blue, revision 1: the version of Deployment shop/web, which is no longer reached and is deleted after the first promotion. Revision 2 is staged on green, without user traffic.',
    ],
    [
      { kind: 'staging', users: { kind: 'adopted', deployments: [deployment] }, result: { kind: 'none' } },
      'Users are on Deployment shop/web, as before.',
    ],
    [
      { kind: 'roles-left', revision: 3 },
      'Users reach the ready pods of revision 3, and still those of the role that it replaces. Run this step again to delete the objects of the roles.',
    ],
    [
      { kind: 'blue-green-status', live: asRecorded, active: 'blue', roles: [], adopted: [deployment] },
      'Users are on blue. Deployment shop/web is no longer reached and is deleted after the first promotion.',
    ],
    [
      { kind: 'blue-green-status', live: asRecorded, active: 'blue', roles: [], adopted: [deployment, api] },
      'Users are on blue. Deployment shop/web and Deployment shop/api are no longer reached and are deleted after the first promotion.',
    ],
    [
      { kind: 'blue-green-status', live: asRecorded, roles: [], toAdopt: [deployment] },
      'Users are on Deployment shop/web, which the next deploy adopts.',
    ],
  ])('%j', (serving, words) => {
    expect(describeServing(serving)).toBe(words);
  });

  it.each<[Recovered, string]>([
    [
      { kind: 'adoption-left', operation: adopt },
      'The run was killed during the adoption as blue. Users are on blue, which runs the version that was live before: run `action: deploy` again to finish the rest.',
    ],
    [
      { kind: 'roles-left', operation: leave },
      'The run was killed during the change to strategy rolling as revision 3. Users are on revision 3: run `action: deploy` again to delete the objects of the roles.',
    ],
  ])('after a killed run: %j', (recovered, words) => {
    expect(describeRecovered(recovered)).toBe(words);
  });

  it('names the operation', () => {
    expect([adopt, leave].map(describeOperation)).toEqual([
      'the adoption as blue',
      'the change to strategy rolling as revision 3',
    ]);
  });
});
