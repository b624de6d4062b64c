import { describe, expect, it } from '@jest/globals';
import type { Operation } from '../../src/release/operation.js';
import { describeServing } from '../../src/report/serving.js';
import { describeRecovered, describeRestored } from '../../src/report/restored.js';
import type { Recovered, Restored } from '../../src/strategies/outcome/restored.js';
import type { IdleResult, Serving, StagingResult, WhyNotSwitchedBack } from '../../src/strategies/outcome/serving.js';
import { asRecorded } from '../support/reports.js';

const ref = (kind: string, name: string) => ({ apiVersion: 'v1', kind, namespace: 'shop', name });
const service = ref('Service', 'web');
const complete: Restored = { kind: 'complete', ready: true, withheld: [], kept: [], left: [] };
const begun = { run: 'https://ci.example/7', holder: '7/1/deploy/abc' };
const operation: Operation = { ...begun, kind: 'stage', revision: 2, role: 'green' };
const images = ['site:v2'];
const note = ' The release record could not be updated (no connection); the next run treats this step as unfinished.';
const unrecorded = 'no connection';

describe('what serves users', () => {
  it.each<[Serving, string]>([
    [{ kind: 'untouched' }, 'The same as before: this step changed nothing that serves users.'],
    [
      { kind: 'unknown' },
      'This step ended in the middle of its work; run `action: status` to see what serves users now.',
    ],
    [
      { kind: 'rolled-back-before', strategy: 'rolling', revision: 3 },
      'Revision 3 serves users since an earlier rollback; nothing was written. Set the input `revision` to roll back further.',
    ],
    [
      { kind: 'rolled-back-before', strategy: 'blue-green', revision: 3 },
      'Revision 3 serves users since an earlier rollback; nothing was written. Deploy the version that you want.',
    ],
    [{ kind: 'deployed', revision: 2, images }, 'Revision 2 serves users (site:v2).'],
    [{ kind: 'deployed', revision: 2, images: [] }, 'Revision 2 serves users (no images).'],
    [{ kind: 'unchanged', revision: 2, healthy: true }, 'Revision 2 serves users, as before; nothing was written.'],
    [
      { kind: 'unchanged', revision: 2, healthy: false },
      'Nothing was changed: revision 2 is what users reach, in the state described here.',
    ],
    [{ kind: 'planned' }, 'No revision is deployed yet.'],
    [{ kind: 'planned', current: 4 }, 'Revision 4 serves users, as before.'],
    [{ kind: 'not-deployed' }, 'Nothing was changed. There is no earlier revision of this release.'],
    [{ kind: 'not-deployed', current: 4 }, 'Nothing was changed: revision 4 serves users, as before.'],
    [
      { kind: 'partly-deployed' },
      'The new version was left as it is (rollback-on-failure: false): users reach the pods that are ready, old or new.',
    ],
    [
      { kind: 'restored', restored: complete, unrecorded },
      `Everything was restored and is ready. There is no earlier revision of this release.${note}`,
    ],
    [
      { kind: 'restored', restored: complete, current: 4 },
      'Everything was restored and is ready. Revision 4 serves users.',
    ],
    [
      { kind: 'restored', restored: complete, current: 4, reached: 5 },
      'Everything was restored and is ready. Revision 4 serves users. Until it was restored, they could reach pods of revision 5.',
    ],
    [
      { kind: 'restored', restored: { ...complete, ready: false, unawaited: true }, current: 4, reached: 5 },
      'Everything was restored. This step was cancelled, so it did not wait until it was ready. Users reach the pods that are ready, of revision 4 or of the new one.',
    ],
    [
      { kind: 'restored', restored: { kind: 'not-ready', reason: 'timed out' }, current: 4 },
      'The state before this step was restored, but is not ready: timed out. Users reach the pods that are ready, of revision 4 or of the new one.',
    ],
    [
      { kind: 'active-confirmed', role: 'blue', revision: 1, healthy: true },
      'Users are on blue, revision 1, which already runs these manifests. Nothing was written.',
    ],
    [
      { kind: 'active-confirmed', role: 'blue', healthy: false },
      'Users are on blue, which already runs these manifests. Nothing was written. But it is not healthy, as described here.',
    ],
    [
      {
        kind: 'rejected',
        users: { kind: 'role', role: 'blue', revision: 1 },
        revision: 2,
        role: 'green',
        restored: complete,
      },
      'Users are on blue, revision 1, as before. Revision 2 is discarded. On green: Everything was restored and is ready.',
    ],
    [
      { kind: 'not-rejected', role: 'green', restored: { kind: 'lock-lost' } },
      'The public Service was not changed: users are where they were. On green: Nothing was restored: another run has taken over the lock and decides now.',
    ],
    [
      { kind: 'not-rejected', role: 'green', restored: { kind: 'reached', service, to: 'green' } },
      'On green: Service shop/web leads users to green now, so nothing more was restored: users keep these pods.',
    ],
    [
      {
        kind: 'staging',
        users: { kind: 'role', role: 'blue', revision: 1 },
        result: { kind: 'restored', role: 'green', restored: { kind: 'reached', service, to: 'green' } },
      },
      'On green: Service shop/web leads users to green now, so nothing more was restored: users keep these pods.',
    ],
    [
      { kind: 'rejected-before', users: { kind: 'role', role: 'blue', revision: 1 }, revision: 2 },
      'Users are on blue, revision 1, as before. Revision 2 was rejected before and nothing is staged. Nothing was written.',
    ],
    [{ kind: 'not-switched' }, 'Nobody is served yet; nothing was switched.'],
    [{ kind: 'not-switched', active: 'blue' }, 'Users are on blue, as before; nothing was switched.'],
    [
      { kind: 'switched-unfinished', role: 'green', revision: 2, images },
      'Users are on green, revision 2 (site:v2). The switch itself is complete and verified; run this step again to finish the rest.',
    ],
    [
      { kind: 'switch-finished', role: 'green', revision: 2, idle: { kind: 'kept', role: 'blue' } },
      'Users are on green, revision 2; the work of an earlier run was finished. blue is kept for a rollback.',
    ],
    [
      { kind: 'promoted-before', role: 'green', revision: 2 },
      'Revision 2 was promoted before and serves users on green. Nothing was written.',
    ],
    [
      { kind: 'switch-never-made', role: 'blue' },
      'Users are on blue: an interrupted run recorded the switch but never made it. No workload was changed.',
    ],
    [
      { kind: 'switch-unknown', reason: 'no answer', unrecorded },
      `It is not known whether the switch was made: no answer. Users reach one of the two roles.${note}`,
    ],
    [
      {
        kind: 'users-now',
        users: { kind: 'role', role: 'blue' },
        said: { kind: 'switch-failed', active: 'green', unrecorded },
      },
      `Users are on blue: the public Service leads there now. This step did not switch anything.${note}`,
    ],
    [
      { kind: 'users-now', users: { kind: 'none' }, said: { kind: 'not-switched', active: 'blue' } },
      'Nobody is served: the public Service is gone. This step did not switch anything.',
    ],
    [
      {
        kind: 'users-now',
        users: { kind: 'role', role: 'blue' },
        said: { kind: 'switched-unfinished', role: 'green', revision: 2, images },
      },
      'Users are on blue: the public Service leads there now. The switch to green, revision 2 was complete and verified before.',
    ],
    [
      {
        kind: 'users-now',
        users: { kind: 'unknown', reason: 'no answer' },
        said: {
          kind: 'not-switched-back',
          services: [service],
          role: 'green',
          revision: 2,
          why: { kind: 'rollback-disabled' },
        },
      },
      'It is not known what serves users now: no answer. Run `action: status` to see it. This step had switched Service shop/web to green, revision 2: rollback-on-failure is false.',
    ],
    [
      {
        kind: 'users-now',
        users: { kind: 'role', role: 'blue' },
        said: { kind: 'switched-back', services: [service], to: { role: 'green', revision: 2 } },
      },
      'Users are on blue: the public Service leads there now. This step has undone its own change to Service shop/web.',
    ],
    [
      {
        kind: 'users-now',
        users: { kind: 'role', role: 'green' },
        said: {
          kind: 'staging',
          users: { kind: 'role', role: 'blue', revision: 1 },
          result: { kind: 'staged', role: 'green', revision: 2 },
        },
      },
      'Users are on green: the public Service leads there now. Revision 2 is staged on green.',
    ],
    [
      { kind: 'users-now', users: { kind: 'none' }, said: { kind: 'roles-left', revision: 3 } },
      'Nobody is served: the public Service is gone. Revision 3 is deployed, but the objects of the roles are not all deleted.',
    ],
    [{ kind: 'switch-failed' }, 'Nobody is served yet; nothing was switched.'],
    [
      { kind: 'switch-failed', active: 'blue', unrecorded },
      `This step did not switch anything: users are where they were (blue).${note}`,
    ],
    [
      { kind: 'switched-back', services: [service] },
      'Service shop/web was removed again: nobody is served, as before this step.',
    ],
    [
      { kind: 'switched-back', services: [service], to: { role: 'blue', revision: 1 }, unrecorded },
      `Users are back on blue, revision 1.${note}`,
    ],
    [
      { kind: 'switched-back', services: [service], to: { role: 'blue' }, unconfirmed: 'no EndpointSlice' },
      'Users are back on blue. But its endpoints are not confirmed: no EndpointSlice.',
    ],
    [
      {
        kind: 'rolling-status',
        live: asRecorded,
        current: 2,
        workloads: [{ ref: ref('Deployment', 'web'), ready: 1, replicas: 2 }],
        unfinished: { ...begun, kind: 'deploy', revision: 3 },
      },
      'On record, revision 2 serves users. Deployment shop/web 1 of 2 ready. Unfinished: the deploy of revision 3, begun by https://ci.example/7; run that step again to finish it.',
    ],
    [
      {
        kind: 'rolling-status',
        live: asRecorded,
        workloads: [],
        unfinished: { ...begun, kind: 'finish', direction: 'promote', revision: 8, leftRole: 'blue' },
      },
      'No revision is deployed. Unfinished: the clean-up after the switch to revision 8, begun by https://ci.example/7; run that step again to finish it.',
    ],
    [{ kind: 'rolling-status', live: asRecorded, workloads: [] }, 'No revision is deployed.'],
    [
      {
        kind: 'blue-green-status',
        live: asRecorded,
        active: 'blue',
        roles: [
          {
            role: 'blue',
            revision: 1,
            staged: false,
            workloads: [{ ref: ref('Deployment', 'web-blue'), ready: 2, replicas: 2 }],
          },
          { role: 'green', revision: 2, staged: true, workloads: [] },
        ],
      },
      'Users are on blue. blue: revision 1, Deployment shop/web-blue 2 of 2 ready. green: revision 2, staged, nothing runs.',
    ],
    [
      { kind: 'blue-green-status', live: asRecorded, roles: [{ role: 'blue', staged: false, workloads: [] }] },
      'Nobody is served yet: there is no public Service. blue: no revision, nothing runs.',
    ],
  ])('%j', (serving, words) => {
    expect(describeServing(serving)).toBe(words);
  });

  const users = { kind: 'role', role: 'blue' } as const;
  it.each<[StagingResult, string]>([
    [{ kind: 'none' }, ''],
    [{ kind: 'staged', role: 'green', revision: 2 }, ' Revision 2 is staged on green, without user traffic.'],
    [{ kind: 'staged-before' }, ' Nothing was written: this was staged already.'],
    [{ kind: 'not-begun' }, ' Nothing was changed.'],
    [{ kind: 'left', role: 'green', unrecorded }, ` green was left as it is (rollback-on-failure: false).${note}`],
    [
      { kind: 'restored', role: 'green', restored: complete, unrecorded },
      ` On green: Everything was restored and is ready.${note}`,
    ],
  ])('after a staging: %j', (result, words) => {
    expect(describeServing({ kind: 'staging', users, result })).toBe(`Users are on blue, as before.${words}`);
  });

  it.each([
    [{ kind: 'none' }, 'Nobody is served yet: there is no public Service.'],
    [{ kind: 'role', role: 'blue', revision: 1 }, 'Users are on blue, revision 1, as before.'],
    [{ kind: 'adopted', deployments: [ref('Deployment', 'web')] }, 'Users are on Deployment shop/web, as before.'],
  ] as const)('before a staging: %j', (before, words) => {
    expect(describeServing({ kind: 'staging', users: before, result: { kind: 'none' } })).toBe(words);
  });

  it.each<[IdleResult, string]>([
    [{ kind: 'none' }, ''],
    [{ kind: 'kept', role: 'blue' }, ' blue is kept for a rollback.'],
    [
      { kind: 'kept', role: 'blue', connections: { kind: 'closed', pods: 3 } },
      ' blue is kept for a rollback. Connections that users had kept open to blue are closed.',
    ],
    [
      { kind: 'kept', role: 'blue', connections: { kind: 'open', reason: 'a budget forbids it' } },
      ' blue is kept for a rollback. Users with a connection that they keep open may still be on blue: a budget forbids it.',
    ],
    [
      { kind: 'scaled-down', role: 'blue', replicas: 1, connections: { kind: 'closed', pods: 1 } },
      ' blue was scaled down to 1; a rollback scales it up first. Connections that users had kept open to blue are closed.',
    ],
    [{ kind: 'not-recorded', role: 'blue' }, ' blue was left as it is: no revision of it is on record.'],
    [{ kind: 'scaled-down', role: 'blue', replicas: 1 }, ' blue was scaled down to 1; a rollback scales it up first.'],
  ])('after a switch: %j', (idle, words) => {
    expect(describeServing({ kind: 'switched', role: 'green', revision: 2, images, idle })).toBe(
      `Users are on green, revision 2 (site:v2).${words}`,
    );
  });

  it.each<[WhyNotSwitchedBack, string]>([
    [{ kind: 'lock-lost' }, 'another run has taken over the release and decides now.'],
    [{ kind: 'lock-refused' }, 'this step may not renew its lock any more, so it wrote nothing more.'],
    [{ kind: 'record-unknown' }, 'the record may say that this step is done, and the next run goes by it.'],
    [{ kind: 'rollback-disabled' }, 'rollback-on-failure is false.'],
    [{ kind: 'no-ready-pod', role: 'blue' }, 'blue has no ready pod to switch back to. Nothing more was changed.'],
    [{ kind: 'failed', reason: 'forbidden' }, 'it could not be switched back (forbidden).'],
  ])('after a switch that was not undone: %j', (why, words) => {
    expect(
      describeServing({ kind: 'not-switched-back', services: [service], role: 'green', revision: 2, why, unrecorded }),
    ).toBe(`Service shop/web selects green, revision 2: ${words}${note}`);
  });
});

describe('what was restored', () => {
  it.each<[Restored, string]>([
    [{ kind: 'lock-lost' }, 'Nothing was restored: another run has taken over the lock and decides now.'],
    [{ kind: 'lock-refused' }, 'Nothing was restored: this step may not renew its lock any more.'],
    [
      { kind: 'reached', service, to: 'revision 3' },
      'Service shop/web leads users to revision 3 now, so nothing more was restored: users keep these pods.',
    ],
    [
      { kind: 'no-ready-pod', role: 'green' },
      'Nothing was restored: green has no ready pod, so users were not sent back to it. Look at both versions now.',
    ],
    [
      { kind: 'changed-by-others' },
      'Nothing was restored, so as not to overwrite changes that somebody else made in the meantime.',
    ],
    [
      { kind: 'record-unknown' },
      'Nothing was restored: the record may say that this step is done, and the next run goes by it.',
    ],
    [
      { kind: 'incomplete', failed: [service, ref('Secret', 'db')] },
      'Not everything could be restored; still as this step left it: Service shop/web, Secret shop/db.',
    ],
    [{ kind: 'not-ready', reason: 'no' }, 'The state before this step was restored, but is not ready: no.'],
    [{ kind: 'not-ready', reason: 'No.' }, 'The state before this step was restored, but is not ready: No.'],
    [{ kind: 'complete', ready: false, withheld: [], kept: [], left: [] }, 'Everything was restored.'],
    [
      { kind: 'complete', ready: true, withheld: [ref('Secret', 'db')], kept: [ref('Job', 'migrate')], left: [] },
      'Everything was restored and is ready, except the data of Secret shop/db, which is never recorded, and Job shop/migrate, whose work cannot be undone.',
    ],
    [
      { kind: 'complete', ready: false, withheld: [], kept: [], left: [{ ref: service, why: 'kubectl wrote it too' }] },
      'Everything else was restored. Left as it is: Service shop/web (kubectl wrote it too). Look at it, and delete or change back by hand what nobody needs.',
    ],
  ])('%j', (restored, words) => {
    expect(describeRestored(restored)).toBe(words);
  });

  it.each<[Recovered, string]>([
    [{ kind: 'lock-lost' }, 'Another run has taken over the release: everything else is left to it.'],
    [
      { kind: 'lock-refused' },
      'The post step may not renew its lock any more, so not everything was restored: run `action: status` to see what serves users now.',
    ],
    [{ kind: 'nothing-unfinished' }, 'Nothing was left unfinished.'],
    [
      { kind: 'left', operation },
      'The run was killed during the staging of revision 2; everything was left as it is (rollback-on-failure: false).',
    ],
    [{ kind: 'finish-left' }, 'Users are on the new role; run the same step again to finish what is left.'],
    [
      { kind: 'no-ready-pod' },
      'The role that users left has no ready pod, so users were not sent back to it: look at both roles now.',
    ],
    [
      { kind: 'reached', service, to: 'green' },
      'Service shop/web leads users to green now, so not everything was restored: users keep these pods. Run `action: status` to see what runs where.',
    ],
    [{ kind: 'incomplete', failed: [service] }, 'Not everything could be restored: Service shop/web.'],
    [
      {
        kind: 'rollback-left',
        operation: {
          ...{ ...begun, kind: 'switch', direction: 'rollback', revision: 1, role: 'blue' },
          services: [{ before: { ref: service } }],
        },
      },
      'The run was killed during the rollback to revision 1. Users were not sent back to the version that they left: run `action: rollback` again to finish it.',
    ],
    [
      { kind: 'restored', operation, left: [] },
      'The run was killed during the staging of revision 2; everything was restored.',
    ],
    [
      {
        ...{ kind: 'restored', operation },
        left: [
          { ref: service, why: 'kubectl wrote it too' },
          { ref: ref('Secret', 'db'), why: 'it belongs to release other' },
        ],
      },
      'The run was killed during the staging of revision 2; everything else was restored. Left as they are: Service shop/web (kubectl wrote it too), Secret shop/db (it belongs to release other). Look at them, and delete or change back by hand what nobody needs.',
    ],
  ])('by the post step: %j', (recovered, words) => {
    expect(describeRecovered(recovered)).toBe(words);
  });
});
