import { describe, expect, it } from '@jest/globals';
import { github, problems, read } from '../support/step-inputs.js';

const rolling = { manifests: 'k8s' };
const blueGreen = { manifests: 'k8s', strategy: 'blue-green' };

describe('inputs that contradict each other', () => {
  it.each([
    [
      'a deploy needs manifests',
      {},
      'manifests: received nothing, accepted: files, folders or globs, one per line (required for action: deploy)',
    ],
    [
      'a promote takes no manifests',
      { action: 'promote', manifests: 'k8s' },
      'manifests: received "k8s", but it is not an input of action: promote, only of action: deploy',
    ],
    [
      'a deploy proves no approval',
      { ...rolling, approval: 'production' },
      'approval: received "production", but it is not an input of action: deploy with strategy: rolling, only of action: promote or action: rollback',
    ],
    [
      'not even one that switches',
      { ...blueGreen, switch: 'auto', approval: 'production' },
      'approval: received "production", but it is not an input of action: deploy with strategy: blue-green, only of action: promote or action: rollback',
    ],
    [
      'a rolling update has nothing to switch',
      { ...rolling, switch: 'auto' },
      'switch: received "auto", but it is not an input of action: deploy with strategy: rolling, only of action: deploy with strategy: blue-green',
    ],
    [
      'a rolling update has no idle role',
      { ...rolling, 'idle-policy': 'keep' },
      'idle-policy: received "keep", but it is not an input of action: deploy with strategy: rolling, only of action: deploy with strategy: blue-green, action: promote or action: rollback',
    ],
    [
      'a rolling update has no roles',
      { ...rolling, roles: 'a,b' },
      'roles: received "a,b", but it is not an input of action: deploy with strategy: rolling, only of action: deploy with strategy: blue-green',
    ],
    [
      'a deploy has no revision to choose',
      { ...rolling, revision: '3' },
      'revision: received "3", but it is not an input of action: deploy with strategy: rolling, only of action: promote or action: rollback',
    ],
    [
      'a reject has no revision to choose',
      { action: 'reject', revision: '3' },
      'revision: received "3", but it is not an input of action: reject, only of action: promote or action: rollback',
    ],
    [
      'a rollback reads its strategy from the record',
      { action: 'rollback', strategy: 'rolling' },
      'strategy: received "rolling", but it is not an input of action: rollback, only of action: deploy, action: promote or action: reject',
    ],
    [
      'a status keeps no history',
      { action: 'status', 'history-limit': '5' },
      'history-limit: received "5", but it is not an input of action: status, only of action: deploy, action: promote, action: rollback or action: reject',
    ],
    [
      'a rolling release is not promoted',
      { action: 'promote', strategy: 'rolling' },
      'strategy: received "rolling", but action: promote is only for blue-green releases; remove it',
    ],
    [
      'a step that only stages has no old role',
      { ...blueGreen, 'idle-policy': 'scale-down' },
      'idle-policy: received "scale-down", but this step does not switch; set it on the step with action: promote, or use switch: auto',
    ],
    [
      'a step that only stages leaves no pods of an old role',
      { ...blueGreen, 'idle-replicas': '1' },
      'idle-replicas: received "1", but this step does not switch; set it on the step with action: promote, or use switch: auto',
    ],
    [
      'a kept role has no number of pods that stay',
      { action: 'promote', 'idle-policy': 'keep', 'idle-replicas': '1' },
      'idle-replicas: received "1", but idle-policy: keep leaves all pods of the old role; set idle-policy: scale-down, or remove it',
    ],
    [
      'a hot backup runs all of its pods',
      { action: 'promote', 'idle-policy': 'hot-backup', 'idle-replicas': '1' },
      'idle-replicas: received "1", but idle-policy: hot-backup runs the old role at its full size; set idle-policy: scale-down, or remove it',
    ],
    [
      'a promotion without a hot backup waits for no new pods',
      { action: 'promote', 'stable-for': '1s' },
      'stable-for: received "1s", but action: promote waits for it only with idle-policy: hot-backup, since what is staged was stable; remove it',
    ],
    [
      'the default of idle-policy counts too',
      { action: 'rollback', 'idle-replicas': '0' },
      'idle-replicas: received "0", but idle-policy: keep leaves all pods of the old role; set idle-policy: scale-down, or remove it',
    ],
    [
      'variables of a promote are for its checks',
      { action: 'promote', variables: 'A=1' },
      'variables: received a hidden value, but this step renders no manifests and there is no "verify" or "synthetic-traffic" to use it; remove it',
    ],
    [
      'variables do nothing when nothing is substituted',
      { ...rolling, variables: 'A=1', substitution: 'off' },
      'variables: received a hidden value, but substitution is off and there is no "verify" or "synthetic-traffic" to use it; remove it',
    ],
    [
      'a rolling update has no staged side to check',
      { ...rolling, verify: '- {http: /, when: staged}' },
      'verify: received "- {http: /, when: staged}", but "when: staged" never applies with strategy: rolling, which has no staged side; use public or both',
    ],
    [
      'a rolling update has no bake',
      { ...rolling, verify: '- {http: /, when: bake}' },
      'verify: received "- {http: /, when: bake}", but "when: bake" never applies with action: deploy with strategy: rolling, which has no bake; use public or both',
    ],
    [
      'a rollback has no bake',
      { action: 'rollback', verify: '- {http: /, when: bake}' },
      'verify: received "- {http: /, when: bake}", but "when: bake" never applies with action: rollback, which has no bake; use public or both',
    ],
    [
      'a check of the bake needs a bake where the step promotes',
      { action: 'promote', verify: '- {http: /, when: bake}' },
      'verify: received "- {http: /, when: bake}", but "when: bake" never applies without a bake; set bake, such as bake: 5m, or use public or both',
    ],
    [
      'a check of the bake needs a bake where the step switches',
      { ...rolling, strategy: 'blue-green', switch: 'auto', verify: '- {http: /, when: bake}' },
      'verify: received "- {http: /, when: bake}", but "when: bake" never applies without a bake; set bake, such as bake: 5m, or use public or both',
    ],
    [
      'an approval needs a token',
      { action: 'promote', approval: 'production' },
      'approval: received "production", but "token" is empty, and the approval cannot be proved without a token',
    ],
    [
      'a wait must be able to succeed',
      { ...rolling, 'stable-for': '1m', timeout: '30s' },
      'stable-for: received "1m", but "timeout" is not longer, so the wait could never succeed',
    ],
    [
      'the default of stable-for counts too',
      { ...rolling, timeout: '5s' },
      'stable-for: received nothing (default 5s), but "timeout" is not longer, so the wait could never succeed',
    ],
  ])('%s', (_, inputs, line) => {
    expect(problems(inputs)).toEqual([line]);
  });

  it('reports an approval outside of a GitHub run, with the variables that are not set', () => {
    const local = { GITHUB_REPOSITORY: github.GITHUB_REPOSITORY };
    expect(problems({ action: 'promote', approval: 'production', token: 't0ken' }, local)).toEqual([
      'approval: received "production", but this is not a run on GitHub (GITHUB_REPOSITORY and GITHUB_RUN_ID are not set)',
    ]);
  });

  it.each([
    [{ ...blueGreen, switch: 'auto', 'idle-policy': 'scale-down', drain: '10s' }],
    [{ action: 'promote', timeout: '3s' }],
    [{ action: 'promote', 'idle-policy': 'hot-backup', 'stable-for': '1s' }],
    // It records what the hot backup of a later promotion runs.
    [{ ...blueGreen, 'idle-policy': 'hot-backup' }],
    // It may adopt a live application, whose Deployment is scaled to zero after the drain.
    [{ ...blueGreen, drain: '10s' }],
    [{ ...blueGreen, verify: '- {http: /, when: staged}' }],
    // The step with action: promote may have a bake.
    [{ ...blueGreen, verify: '- {http: /, when: bake}' }],
    [{ action: 'promote', bake: '1m', verify: '- {http: /, when: bake}' }],
    [{ ...rolling, variables: 'A=1', substitution: 'off', verify: '- http: /$<A>' }],
    [{ action: 'promote', variables: 'A=1', verify: '- http: /$<A>', 'idle-policy': 'keep', drain: '1s' }],
    [{ action: 'rollback', approval: 'production', token: 'ghs_token' }],
    [{ action: 'status', timeout: '1s', token: 'ghs_token' }],
    [{ action: 'promote', 'idle-policy': 'scale-down', 'idle-replicas': '1' }],
  ])('accepts %j, which do not', inputs => {
    expect(read(inputs)).toMatchObject({ action: 'action' in inputs ? inputs.action : 'deploy' });
  });

  it('are not reported while the action itself is wrong', () => {
    expect(problems({ action: 'promot', manifests: 'k8s', approval: 'production', revision: '1' })).toEqual([
      'action: received "promot", accepted: deploy | promote | reject | rollback | plan | status',
    ]);
  });
});
