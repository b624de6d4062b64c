import { describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import { failureReport, successReport } from '../../src/report/report.js';
import { createRecorder } from '../../src/run/recorder.js';
import { FailedStep, type Outcome } from '../../src/strategies/outcome/outcome.js';
import { listLog } from '../support/log.js';
import { asRecorded } from '../support/reports.js';

const recorder = () => createRecorder(listLog(), () => 0);
const base = { release: 'web', namespace: 'shop', strategy: 'rolling', changes: [], checks: [] } as const;
const deployed: Outcome = {
  ...base,
  outcome: 'deployed',
  serving: { kind: 'deployed', revision: 2, images: ['site:v2'] },
};

describe('the report of a run', () => {
  it('has the outcome in words, and the phases of the run', async () => {
    const run = recorder();
    await run.phase('Plan', () => Promise.resolve());
    const { serving, ...rest } = deployed;
    expect(serving.kind).toBe('deployed');
    expect(successReport(deployed, run)).toEqual({
      ...rest,
      action: 'deploy',
      serving: 'Revision 2 serves users (site:v2).',
      details: [],
      phases: [{ name: 'Plan', ms: 0 }],
    });
  });

  it('has the notes of a plan, in the preview and as lines of the log', () => {
    const preview = {
      revision: 3,
      notes: [{ kind: 'to-deploy', revision: 3 }],
      objects: [],
      images: [],
      users: [],
    } as const;
    const report = successReport({ ...deployed, outcome: 'planned', preview }, recorder());
    expect(report.preview).toEqual({
      revision: 3,
      notes: ['Revision 3 would be deployed.'],
      objects: [],
      images: [],
      users: [],
    });
    expect(report.details).toEqual(['Revision 3 would be deployed.']);
  });

  it('has a line of the log for each workload of a status', () => {
    const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web' };
    const serving = {
      kind: 'rolling-status',
      live: asRecorded,
      current: 2,
      workloads: [{ ref, ready: 1, replicas: 2 }],
    } as const;
    expect(successReport({ ...deployed, outcome: 'status', serving }, recorder()).details).toEqual([
      'Deployment shop/web 1 of 2 ready',
    ]);
  });
});

describe('the report of a run that failed', () => {
  const error = new CutoverError('no connection', { code: 'unreachable' });

  it('has the outcome that the strategy knew, and the error', () => {
    const failed = new FailedStep(error, { ...base, serving: { kind: 'not-deployed', current: 1 } });
    expect(failureReport(failed, recorder())).toMatchObject({
      outcome: 'failed',
      release: 'web',
      serving: 'Nothing was changed: revision 1 serves users, as before.',
      error: { message: 'no connection' },
    });
  });

  it.each([
    ['before its first write', false, 'The same as before: this step changed nothing that serves users.'],
    [
      'after its first write',
      true,
      'This step ended in the middle of its work; run `action: status` to see what serves users now.',
    ],
  ])('%s says what serves users', (_when, wrote, serving) => {
    const run = recorder();
    if (wrote) run.recordWrite();
    expect(failureReport(error, run)).toMatchObject({
      outcome: 'failed',
      serving,
      error: { message: 'no connection' },
    });
  });

  it('has an error for whatever was thrown', () => {
    expect(failureReport('a text', recorder()).error).toMatchObject({ message: 'a text', code: 'internal' });
  });
});
