import { describe, expect, it } from '@jest/globals';
import { github, problems, read, refusal } from '../support/step-inputs.js';

const rolling = { manifests: 'k8s' };
const blueGreen = { manifests: 'k8s', strategy: 'blue-green' };

describe('the inputs of a step', () => {
  it('are a rolling deploy with every default if only manifests are set', () => {
    const { environment, run, commandVariables, ...inputs } = read(rolling);
    expect(inputs).toEqual({
      action: 'deploy',
      strategy: 'rolling',
      strategyOmitted: true,
      manifests: ['k8s'],
      variables: {},
      substitution: 'on',
      images: [],
      lint: 'warn',
      imageCheck: { demand: 'plausible', logins: [] },
      preStopSeconds: 5,
      recreate: { jobs: true, objects: [] },
      preStopExplicit: false,
      verify: [],
      syntheticTraffic: { kind: 'auto' },
      timeoutMs: 600_000,
      stableForMs: 5000,
      lockTimeoutMs: 300_000,
      rollbackOnFailure: true,
      createNamespace: false,
      forceConflicts: false,
      historyLimit: 10,
    });
    expect(environment).toEqual(github);
    expect(commandVariables).toMatchObject({ SHA: run.sha, REF_NAME: run.refName });
    expect(run.workspace).toBe('/home/runner/work/web');
  });

  it('are a blue/green deploy that stages if only the strategy is added', () => {
    expect(read(blueGreen)).toMatchObject({
      strategy: 'blue-green',
      roles: ['blue', 'green'],
      switch: 'manual',
      idlePolicy: { policy: 'keep' },
      drainMs: 30_000,
      closeConnections: 'auto',
      bakeMs: 0,
    });
  });

  it('hold the values of the inputs that are set', () => {
    const inputs = read({
      ...blueGreen,
      switch: 'auto',
      'test-service': 'web-test-*',
      service: 'web\napi',
      roles: 'a, b',
      'idle-policy': 'scale-down',
      'idle-replicas': '2',
      drain: '0s',
      'create-namespace': 'true',
      'force-conflicts': 'true',
      'rollback-on-failure': 'false',
      'history-limit': '2',
      namespace: 'shop',
      context: 'prod',
      release: 'web',
      kubeconfig: 'kube/config',
      timeout: '1h30m',
      'stable-for': '0s',
      'lock-timeout': '0s',
      'pre-stop': 'off',
      images: 'sidecar=envoy:1',
      substitution: 'strict-only',
    });
    expect(inputs).toMatchObject({
      switch: 'auto',
      testService: 'web-test-*',
      services: ['web', 'api'],
      roles: ['a', 'b'],
      idlePolicy: { policy: 'scale-down', replicas: 2 },
      drainMs: 0,
      createNamespace: true,
      forceConflicts: true,
      rollbackOnFailure: false,
      historyLimit: 2,
      namespace: 'shop',
      context: 'prod',
      release: 'web',
      kubeconfig: 'kube/config',
      timeoutMs: 5_400_000,
      stableForMs: 0,
      lockTimeoutMs: 0,
      preStopExplicit: true,
      images: [{ by: 'container', container: 'sidecar', image: 'envoy:1' }],
      substitution: 'strict-only',
    });
    expect(inputs).not.toHaveProperty('preStopSeconds');
  });

  it('are a promote with its approval, its token and the revision', () => {
    const { environment, run, commandVariables, ...inputs } = read({
      action: 'promote',
      release: 'web',
      revision: '7',
      approval: 'production',
      token: 'ghs_token',
    });
    expect(inputs).toEqual({
      action: 'promote',
      job: { serverUrl: 'https://github.com', runnerName: 'local' },
      release: 'web',
      revision: 7,
      approval: 'production',
      token: 'ghs_token',
      syntheticTraffic: { kind: 'auto' },
      timeoutMs: 600_000,
      stableForMs: 5_000,
      lockTimeoutMs: 300_000,
      rollbackOnFailure: true,
      historyLimit: 10,
      idlePolicy: { policy: 'keep' },
      drainMs: 30_000,
      closeConnections: 'auto',
      bakeMs: 0,
    });
    expect(environment).toEqual(github);
    expect(commandVariables).toMatchObject({ SHA: run.sha, REF_NAME: run.refName });
    expect(run.actor).toBe('alice');
  });

  it.each([
    ['rollback', { revision: '3' }, { action: 'rollback', revision: 3 }],
    ['reject', { 'history-limit': '5' }, { action: 'reject', historyLimit: 5 }],
    ['reject', { 'lock-timeout': '10m' }, { action: 'reject', lockTimeoutMs: 600_000 }],
    ['rollback', { 'lock-timeout': '90s' }, { action: 'rollback', lockTimeoutMs: 90_000 }],
    ['status', {}, { action: 'status' }],
    ['promote', { strategy: 'blue-green' }, { action: 'promote' }],
  ])('are a %s with %j', (action, inputs, expected) => {
    expect(read({ action, ...inputs })).toMatchObject(expected);
  });

  it('distinguish omitted checks from an empty list where traffic switches', () => {
    expect(read({ action: 'promote' })).not.toHaveProperty('verify');
    expect(read({ action: 'promote', verify: '[]' })).toHaveProperty('verify', []);
  });

  it('count an empty or blank value as absent', () => {
    const inputs = read({ ...rolling, namespace: '', release: '  ', timeout: '', images: '\n', verify: ' \n ' });
    expect(inputs).not.toHaveProperty('namespace');
    expect(inputs).not.toHaveProperty('release');
    expect(inputs).toMatchObject({ timeoutMs: 600_000, images: [], verify: [] });
  });

  it.each(['auto', ' auto '])('use the default kubeconfig for %j, as for an omitted one', kubeconfig => {
    expect(read({ ...rolling, kubeconfig })).not.toHaveProperty('kubeconfig');
    expect(read(rolling)).not.toHaveProperty('kubeconfig');
  });

  it('require no approval with `none`, which every action accepts because the runner passes it as the default', () => {
    expect(read({ action: 'promote', approval: 'none' })).not.toHaveProperty('approval');
    expect(read({ ...rolling, approval: 'none' })).toEqual(read(rolling));
  });

  it('are not in the environment that manifests and checks may use', () => {
    const withheld = { ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'x', GITHUB_TOKEN: 'x', RUNNER_TEMP: '/tmp', STATE_a: 'x' };
    const given = { ...github, ...withheld, PATH: '/bin', ABSENT: undefined };
    const { environment } = read({ ...rolling, token: 'ghs_token' }, given);
    expect(environment).toEqual({ ...github, PATH: '/bin' });
  });

  it('keep the indentation of a list that begins with spaces', () => {
    expect(read({ ...rolling, verify: '  - http: /a\r\n  - http: /b\r\n' })).toMatchObject({
      verify: [{ target: '/a' }, { target: '/b' }],
    });
  });
});

describe('the inputs of a plan', () => {
  it.each([rolling, blueGreen])('are those of the deploy %j, with another action', inputs => {
    const deploy = read({ ...inputs, action: 'deploy', lint: 'error' });
    expect(read({ ...inputs, action: 'plan', lint: 'error' })).toEqual({ ...deploy, action: 'plan' });
  });

  it('are refused as inputs of a plan', () => {
    expect(problems({ ...rolling, action: 'plan', revision: '3' })).toEqual([
      'revision: received "3", but it is not an input of action: plan with strategy: rolling, only of action: promote or action: rollback',
    ]);
  });
});

describe('wrong inputs', () => {
  it('are all listed in one error, each with its name, its value and the values accepted', () => {
    const error = refusal({
      action: 'deploy',
      strategy: 'bluegreen',
      timeout: '10',
      'history-limit': 'many',
      'create-namespace': 'yes',
      release: 'Web!',
      verfiy: '- http: /',
      lint: 'errors',
    });
    expect(error.code).toBe('input');
    expect(error.message).toBe(
      'Invalid inputs: verfiy, strategy, create-namespace, release, timeout, lint, history-limit.',
    );
    expect(error.hint).toContain('Nothing was changed.');
    expect(error.problems.map(problem => problem.message)).toEqual([
      'verfiy: unknown input; did you mean "verify"?',
      'strategy: received "bluegreen", accepted: rolling | blue-green',
      'create-namespace: received "yes", accepted: true | false',
      'release: received "Web!", accepted: lower-case letters, digits and dashes, beginning and ending with a letter or digit, at most 40 characters',
      'timeout: received "10", accepted: a duration with a unit, such as 10s or 10m',
      'lint: received "errors", accepted: error | warn | off',
      'history-limit: received "many", accepted: a whole number, from 2 to 100',
    ]);
  });

  it.each([
    ['action', 'Deploy', 'deploy | promote | reject | rollback | plan | status'],
    ['strategy', 'basic', 'rolling (the same as basic) | blue-green'],
    ['strategy', 'canary', 'rolling | blue-green (canary is not supported)'],
    ['substitution', 'yes', 'on | strict-only | off'],
    ['switch', 'now', 'manual | auto'],
    ['rollback-on-failure', 'True', 'true | false'],
    ['force-conflicts', '1', 'true | false'],
    ['history-limit', '1', 'a whole number, from 2 to 100'],
    ['revision', '0', 'a whole number, 1 or more'],
    ['revision', '1.5', 'a whole number, 1 or more'],
    ['revision', '-1', 'a whole number, 1 or more'],
    ['idle-policy', 'remove', 'keep | scale-down | hot-backup'],
    ['idle-policy', 'hot', 'keep | scale-down | hot-backup'],
    [
      'idle-policy',
      'scale-down: few',
      'keep | scale-down | hot-backup (the number of pods that stay is the input "idle-replicas")',
    ],
    ['idle-replicas', 'few', 'a whole number, from 0 to 999999'],
    ['pre-stop', 'on', 'auto | off | a duration of whole seconds such as 5s, at least 1s'],
    ['pre-stop', '1500ms', 'auto | off | a duration of whole seconds such as 5s, at least 1s'],
    ['pre-stop', '5', 'a duration with a unit, such as 5s or 5m'],
    ['drain', '1d', 'a duration such as 500ms, 30s, 10m or 1h30m, at most 120h'],
    ['lock-timeout', '5', 'a duration with a unit, such as 5s or 5m'],
    ['timeout', '0s', 'a duration such as 500ms, 30s, 10m or 1h30m, at least 1ms, at most 120h'],
    ['roles', 'blue', 'two different names of lower-case letters, digits and dashes, such as blue,green'],
    ['roles', 'blue,blue', 'two different names of lower-case letters, digits and dashes, such as blue,green'],
    ['roles', 'a,b,c', 'two different names of lower-case letters, digits and dashes, such as blue,green'],
    ['roles', 'blue,constructor', 'two different names of lower-case letters, digits and dashes, such as blue,green'],
    ['roles', '__proto__,blue', 'two different names of lower-case letters, digits and dashes, such as blue,green'],
    ['roles', 'blue,toString', 'two different names of lower-case letters, digits and dashes, such as blue,green'],
    ['roles', 'Blue,Green', 'two different names of lower-case letters, digits and dashes, such as blue,green'],
    ['test-service', 'web-test', 'a Service name with one * for the role, such as tomcat-test-*'],
    ['test-service', 'web-*-*', 'a Service name with one * for the role, such as tomcat-test-*'],
    ['context', 'a\nb', 'one line'],
  ])('%s: %j is refused with the values accepted', (name, value, accepted) => {
    expect(problems({ [name]: value })).toContain(`${name}: received ${JSON.stringify(value)}, accepted: ${accepted}`);
  });

  it.each([
    [{ CREATE_NAMESPACE: 'true' }, 'create_namespace: unknown input; did you mean "create-namespace"?'],
    [{ manifest: 'k8s' }, 'manifest: unknown input; did you mean "manifests"?'],
    [{ colour: 'red' }, 'colour: unknown input'],
    [{ unknown: '' }, 'unknown: unknown input'],
  ])('%j is unknown, and the nearest input is suggested', (inputs, line) => {
    expect(problems({ ...rolling, ...inputs })).toEqual([line]);
  });

  it.each([
    ['route-method', 'remove it'],
    ['version-switch-buffer', '"stable-for"'],
    ['traffic-split-method', 'strategy: blue-green'],
    ['percentage', 'strategy: blue-green'],
    ['annotate-resources', 'release record'],
    ['pull-images', 'remove it'],
    ['force', '"force-conflicts"'],
    ['server-side', 'every apply is server-side'],
    ['kubectl-version', 'no kubectl is used'],
    ['private-cluster', '"kubeconfig"'],
    ['kubeconfigId', '"kubeconfig"'],
    ['configs', '"manifests"'],
  ])('%s of another tool is reported with what to use instead', (name, advice) => {
    expect(problems({ ...rolling, [name]: 'true' })).toEqual([expect.stringContaining(advice)]);
  });

  it.each([
    ['steady', 'stable-for'],
    ['idle', 'idle-policy'],
    ['history', 'history-limit'],
    ['to', 'revision'],
    ['imagepullsecrets', 'image-pull-secrets'],
  ])('%s is reported with its new name, %s', (name, now) => {
    expect(problems({ ...rolling, [name]: '1' })).toEqual([`${name}: unknown input; it is now "${now}"`]);
  });

  it.each(['probe', 'probe-url', 'shed', 'comment'])('%s is unknown, whatever its value', name => {
    expect(problems({ ...rolling, [name]: 'off' })).toEqual([`${name}: unknown input`]);
  });

  it.each([
    [{ ...rolling, kubeconfig: '' }, 'kubeconfig', 'auto'],
    [{ ...rolling, kubeconfig: ' \n ' }, 'kubeconfig', 'auto'],
    [{ action: 'promote', approval: '' }, 'approval', 'none'],
    [{ ...rolling, approval: '  ' }, 'approval', 'none'],
  ])('%j: an empty value is refused where it may be a misspelt secret', (inputs, name, fallback) => {
    expect(problems(inputs)).toEqual([
      `${name}: received an empty value; the secret or variable in it may be misspelt, or not available to this event. ` +
        `Write \`${fallback}\` if that is what you mean`,
    ]);
  });

  it.each([rolling, { action: 'promote' }])('%j: an empty token is refused, with the remedy', inputs => {
    expect(problems({ ...inputs, token: ' ' })).toEqual([
      expect.stringMatching(/^token: received an empty value; .*Omit it/),
    ]);
  });

  it('never show a secret, and cut long values', () => {
    const lines = problems({
      ...rolling,
      token: 'ghs_one\nghs_two',
      variables: 'PASSWORD=hunter2\nhunter3 is not a line',
      release: 'x'.repeat(500),
    });
    expect(lines).toEqual([
      'variables: entry 2 has no "="; write NAME=value',
      expect.stringMatching(/^release: received "\(500 characters\)", accepted: /),
      'token: received a hidden value, accepted: one line',
    ]);
    expect(lines.join()).not.toMatch(/hunter|ghs_/);
  });

  it('do not report checks whose variables cannot be read', () => {
    expect(problems({ ...rolling, variables: 'A-B=1', verify: '- http: /$<A>' })).toEqual([
      'variables: entry 1 has no valid name; use letters, digits and _, not beginning with a digit',
    ]);
  });
});
