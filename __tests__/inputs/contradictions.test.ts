import { describe, expect, it } from '@jest/globals';
import { github, problems, read } from '../support/step-inputs.js';

const rolling = { manifests: 'k8s' };
const blueGreen = { manifests: 'k8s', strategy: 'blue-green' };

describe('inputs that cannot be meant together', () => {
  it.each([
    [
      'a deploy needs manifests',
      {},
      'manifests: received nothing, accepted: files, folders or globs, one a line (required for action: deploy)',
    ],
    [
      'a promote takes no manifests',
      { action: 'promote', manifests: 'k8s' },
      'manifests: received "k8s", but it means nothing to action: promote; it belongs to action: deploy',
    ],
    [
      'a deploy proves no approval',
      { ...rolling, approval: 'production' },
      'approval: received "production", but it means nothing to action: deploy with strategy: rolling; it belongs to action: promote or action: rollback',
    ],
    [
      'not even one that switches',
      { ...blueGreen, switch: 'auto', approval: 'production' },
      'approval: received "production", but it means nothing to action: deploy with strategy: blue-green; it belongs to action: promote or action: rollback',
    ],
    [
      'a rolling update has nothing to switch',
      { ...rolling, switch: 'auto' },
      'switch: received "auto", but it means nothing to action: deploy with strategy: rolling; it belongs to action: deploy with strategy: blue-green',
    ],
    [
      'a rolling update has no idle role',
      { ...rolling, idle: 'keep' },
      'idle: received "keep", but it means nothing to action: deploy with strategy: rolling; it belongs to action: deploy with strategy: blue-green, action: promote or action: rollback',
    ],
    [
      'a rolling update has no roles',
      { ...rolling, roles: 'a,b' },
      'roles: received "a,b", but it means nothing to action: deploy with strategy: rolling; it belongs to action: deploy with strategy: blue-green',
    ],
    [
      'a promote goes back to nothing',
      { action: 'promote', to: '3' },
      'to: received "3", but it means nothing to action: promote; it belongs to action: rollback',
    ],
    [
      'a rollback promotes no revision',
      { action: 'rollback', revision: '3' },
      'revision: received "3", but it means nothing to action: rollback; it belongs to action: promote',
    ],
    [
      'a rollback learns its strategy from the record',
      { action: 'rollback', strategy: 'rolling' },
      'strategy: received "rolling", but it means nothing to action: rollback; it belongs to action: deploy, action: promote or action: reject',
    ],
    [
      'a status keeps no history',
      { action: 'status', history: '5' },
      'history: received "5", but it means nothing to action: status; it belongs to action: deploy, action: promote, action: rollback or action: reject',
    ],
    [
      'a rolling release is not promoted',
      { action: 'promote', strategy: 'rolling' },
      'strategy: received "rolling", but action: promote exists for blue-green only; leave it out',
    ],
    [
      'a step that only stages has no idle role to deal with',
      { ...blueGreen, idle: 'scale-down' },
      'idle: received "scale-down", but this step does not switch; set it on the step with action: promote, or use switch: auto',
    ],
    [
      'a step that only stages drains nothing',
      { ...blueGreen, drain: '10s' },
      'drain: received "10s", but this step does not switch; set it on the step with action: promote, or use switch: auto',
    ],
    [
      'variables of a promote are for its checks',
      { action: 'promote', variables: 'A=1' },
      'variables: received a hidden value, but this step renders no manifests and there is no "verify" to use it; leave it out',
    ],
    [
      'variables do nothing when nothing is substituted',
      { ...rolling, variables: 'A=1', substitution: 'off' },
      'variables: received a hidden value, but substitution is off and there is no "verify" to use it; leave it out',
    ],
    [
      'a rolling update has no staged side to check',
      { ...rolling, verify: '- {http: /, on: staged}' },
      'verify: received "- {http: /, on: staged}", but "on: staged" never happens with strategy: rolling, which has no staged side; use public or both',
    ],
    [
      'an approval needs a token',
      { action: 'promote', approval: 'production' },
      'approval: received "production", but "token" is empty, and without a token the approval cannot be proved',
    ],
    [
      'a wait must be able to succeed',
      { ...rolling, steady: '1m', timeout: '30s' },
      'steady: received "1m", but "timeout" is not longer, so the wait could never succeed',
    ],
    [
      'the default of steady counts too',
      { ...rolling, timeout: '5s' },
      'steady: received nothing (default 5s), but "timeout" is not longer, so the wait could never succeed',
    ],
  ])('%s', (_, inputs, line) => {
    expect(problems(inputs)).toEqual([line]);
  });

  it('names the missing run where an approval is asked for outside of GitHub', () => {
    const local = { GITHUB_REPOSITORY: github.GITHUB_REPOSITORY };
    expect(problems({ action: 'promote', approval: 'production', token: 't0ken' }, local)).toEqual([
      'approval: received "production", but this is not a run on GitHub (GITHUB_REPOSITORY and GITHUB_RUN_ID are not set)',
    ]);
  });

  it.each([
    [{ ...blueGreen, switch: 'auto', idle: 'scale-down', drain: '10s' }],
    [{ ...blueGreen, verify: '- {http: /, on: staged}' }],
    [{ ...rolling, variables: 'A=1', substitution: 'off', verify: '- http: /$<A>' }],
    [{ action: 'promote', variables: 'A=1', verify: '- http: /$<A>', idle: 'keep', drain: '1s' }],
    [{ action: 'rollback', approval: 'production', token: 'ghs_token' }],
    [{ action: 'status', timeout: '1s', token: 'ghs_token' }],
  ])('accepts %j, which can', inputs => {
    expect(read(inputs)).toMatchObject({ action: 'action' in inputs ? inputs.action : 'deploy' });
  });

  it('are not looked for while the action itself is wrong', () => {
    expect(problems({ action: 'promot', manifests: 'k8s', to: '1', revision: '1' })).toEqual([
      'action: received "promot", accepted: deploy | promote | reject | rollback | plan | status',
    ]);
  });
});
