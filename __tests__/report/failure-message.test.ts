import { describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import { failureMessage } from '../../src/report/failure-message.js';
import { early } from '../support/reports.js';

const serving = 'Users are on blue, revision 7.';

describe('the message of a failed step', () => {
  it('has the cause, the object, what serves users now and what to do', () => {
    const error = new CutoverError('The new pods did not become ready within 10 min', {
      ...{ code: 'timeout', object: 'Deployment shop/web', hint: 'Look at the readiness probe.' },
    });
    expect(failureMessage({ error, serving })).toBe(`The new pods did not become ready within 10 min
Object: Deployment shop/web
Serving users now: Users are on blue, revision 7.
What to do: Look at the readiness probe.`);
  });

  it('lists every problem with its place, further lines indented', () => {
    const problems = [...early.error!.problems, { message: 'last log lines:\nboom' }];
    expect(failureMessage({ error: { ...early.error!, problems }, serving })).toBe(`Two inputs are wrong
Serving users now: Users are on blue, revision 7.
What to do: Correct them and run the step again.
Problems (3):
- strategy: "canary" is not one of rolling, blue-green
- k8s/web.yml:3:5: key is not known
- last log lines:
  boom`);
  });

  it('does not name the object twice', () => {
    const error = new CutoverError('Deployment shop/web is paused', { code: 'rollout', object: 'Deployment shop/web' });
    expect(failureMessage({ error, serving })).toBe(`Deployment shop/web is paused\nServing users now: ${serving}`);
  });

  it('leaves out a single problem that only repeats the cause', () => {
    const error = { message: 'It is wrong', problems: [{ message: 'It is wrong' }] };
    expect(failureMessage({ error, serving })).toBe(`It is wrong\nServing users now: ${serving}`);
  });

  it('keeps a single problem that has a place', () => {
    const problems = [{ message: 'It is wrong', at: { file: 'a.yml', line: 1, column: 2 } }];
    expect(failureMessage({ error: { message: 'It is wrong', problems }, serving })).toContain(
      'Problems (1):\n- a.yml:1:2: It is wrong',
    );
  });
});
