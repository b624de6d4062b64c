import { describe, expect, it } from '@jest/globals';
import { github, problems, read, refusal } from '../support/step-inputs.js';

const rolling = { manifests: 'k8s' };
const blueGreen = { manifests: 'k8s', strategy: 'blue-green' };

describe('the inputs of a step', () => {
  it('are a rolling deploy with every default when only manifests are given', () => {
    const { environment, run, ...inputs } = read(rolling);
    expect(inputs).toEqual({
      action: 'deploy',
      strategy: 'rolling',
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
      timeoutMs: 600_000,
      stableForMs: 5000,
      rollbackOnFailure: true,
      createNamespace: false,
      forceConflicts: false,
      history: 10,
    });
    expect(environment).toEqual(github);
    expect(run.workspace).toBe('/home/runner/work/web');
  });

  it('are a blue/green deploy that stages when only the strategy is added', () => {
    expect(read(blueGreen)).toMatchObject({
      strategy: 'blue-green',
      roles: ['blue', 'green'],
      switch: 'manual',
      idle: { policy: 'keep' },
      drainMs: 30_000,
    });
  });

  it('hold what was given and nothing else', () => {
    const inputs = read({
      ...blueGreen,
      switch: 'auto',
      'test-service': 'web-test-*',
      service: 'web',
      roles: 'a, b',
      idle: 'scale-down: 2',
      drain: '0s',
      'create-namespace': 'true',
      'force-conflicts': 'true',
      'rollback-on-failure': 'false',
      history: '2',
      namespace: 'shop',
      context: 'prod',
      release: 'web',
      kubeconfig: 'kube/config',
      timeout: '1h30m',
      steady: '0s',
      'pre-stop': 'off',
      images: 'sidecar=envoy:1',
      substitution: 'strict-only',
    });
    expect(inputs).toMatchObject({
      switch: 'auto',
      testService: 'web-test-*',
      service: 'web',
      roles: ['a', 'b'],
      idle: { policy: 'scale-down', replicas: 2 },
      drainMs: 0,
      createNamespace: true,
      forceConflicts: true,
      rollbackOnFailure: false,
      history: 2,
      namespace: 'shop',
      context: 'prod',
      release: 'web',
      kubeconfig: 'kube/config',
      timeoutMs: 5_400_000,
      stableForMs: 0,
      preStopExplicit: true,
      images: [{ by: 'container', container: 'sidecar', image: 'envoy:1' }],
      substitution: 'strict-only',
    });
    expect(inputs).not.toHaveProperty('preStopSeconds');
  });

  it('are a promote that names its approval, its token and the revision', () => {
    const { environment, run, ...inputs } = read({
      action: 'promote',
      release: 'web',
      revision: '7',
      approval: 'production',
      token: 'ghs_token',
    });
    expect(inputs).toEqual({
      action: 'promote',
      release: 'web',
      revision: 7,
      approval: 'production',
      token: 'ghs_token',
      timeoutMs: 600_000,
      rollbackOnFailure: true,
      history: 10,
      idle: { policy: 'keep' },
      drainMs: 30_000,
    });
    expect(environment).toEqual(github);
    expect(run.actor).toBe('alice');
  });

  it.each([
    ['rollback', { to: '3' }, { action: 'rollback', to: 3 }],
    ['reject', { history: '5' }, { action: 'reject', history: 5 }],
    ['status', {}, { action: 'status' }],
    ['promote', { strategy: 'blue-green' }, { action: 'promote' }],
  ])('are a %s with %j', (action, inputs, expected) => {
    expect(read({ action, ...inputs })).toMatchObject(expected);
  });

  it('tell checks that were left out from an empty list of them when traffic moves', () => {
    expect(read({ action: 'promote' })).not.toHaveProperty('verify');
    expect(read({ action: 'promote', verify: '[]' })).toHaveProperty('verify', []);
  });

  it('count an empty or blank value as absent', () => {
    const inputs = read({ ...rolling, namespace: '', release: '  ', timeout: '', images: '\n', verify: ' \n ' });
    expect(inputs).not.toHaveProperty('namespace');
    expect(inputs).not.toHaveProperty('release');
    expect(inputs).toMatchObject({ timeoutMs: 600_000, images: [], verify: [] });
  });

  it('keep their own secrets out of the environment that manifests and checks may use', () => {
    const { environment } = read({ ...rolling, token: 'ghs_token' }, { ...github, PATH: '/bin', ABSENT: undefined });
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

  it('are refused in the name of the plan', () => {
    expect(problems({ ...rolling, action: 'plan', to: '3' })).toEqual([
      'to: received "3", but it means nothing to action: plan with strategy: rolling; it belongs to action: rollback',
    ]);
  });
});

describe('wrong inputs', () => {
  it('are all listed in one error, each with its name, its value and what is accepted', () => {
    const error = refusal({
      action: 'deploy',
      strategy: 'bluegreen',
      timeout: '10',
      history: 'many',
      'create-namespace': 'yes',
      release: 'Web!',
      verfiy: '- http: /',
      lint: 'errors',
    });
    expect(error.code).toBe('input');
    expect(error.message).toBe(
      'These inputs: verfiy, strategy, create-namespace, release, timeout, lint, history cannot be used as given.',
    );
    expect(error.hint).toContain('Nothing was changed.');
    expect(error.problems.map(problem => problem.message)).toEqual([
      'verfiy: not an input of this action; did you mean "verify"?',
      'strategy: received "bluegreen", accepted: rolling | blue-green',
      'create-namespace: received "yes", accepted: true | false',
      'release: received "Web!", accepted: lower-case letters, digits and dashes, beginning and ending with a letter or digit, at most 40 characters',
      'timeout: received "10", accepted: a duration with its unit: a bare number has none, write 10s or 10m',
      'lint: received "errors", accepted: error | warn | off',
      'history: received "many", accepted: a whole number, from 2 to 100',
    ]);
  });

  it.each([
    ['action', 'Deploy', 'deploy | promote | reject | rollback | plan | status'],
    ['strategy', 'basic', 'rolling (it does what that does) | blue-green'],
    ['strategy', 'canary', 'rolling | blue-green (canary is not offered)'],
    ['substitution', 'yes', 'on | strict-only | off'],
    ['switch', 'now', 'manual | auto'],
    ['rollback-on-failure', 'True', 'true | false'],
    ['force-conflicts', '1', 'true | false'],
    ['history', '1', 'a whole number, from 2 to 100'],
    ['to', '0', 'a whole number, 1 or more'],
    ['revision', '1.5', 'a whole number, 1 or more'],
    ['to', '-1', 'a whole number, 1 or more'],
    ['idle', 'remove', 'keep | scale-down | scale-down: N, N being the pods that stay'],
    ['idle', 'scale-down: few', 'keep | scale-down | scale-down: N, N being the pods that stay'],
    ['pre-stop', 'on', 'auto | off | a duration of whole seconds such as 5s, at least 1s'],
    ['pre-stop', '1500ms', 'auto | off | a duration of whole seconds such as 5s, at least 1s'],
    ['pre-stop', '5', 'a duration with its unit: a bare number has none, write 5s or 5m'],
    ['drain', '1d', 'a duration such as 500ms, 30s, 10m or 1h30m, at most 120h'],
    ['timeout', '0s', 'a duration such as 500ms, 30s, 10m or 1h30m, at least 1ms, at most 120h'],
    ['roles', 'blue', 'two different names of lower-case letters, digits and dashes, such as blue,green'],
    ['roles', 'blue,blue', 'two different names of lower-case letters, digits and dashes, such as blue,green'],
    ['roles', 'a,b,c', 'two different names of lower-case letters, digits and dashes, such as blue,green'],
    ['roles', 'Blue,Green', 'two different names of lower-case letters, digits and dashes, such as blue,green'],
    ['test-service', 'web-test', 'a Service name with one * in the place of the role, such as tomcat-test-*'],
    ['test-service', 'web-*-*', 'a Service name with one * in the place of the role, such as tomcat-test-*'],
    ['context', 'a\nb', 'one line'],
  ])('%s: %j is refused with what is accepted', (name, value, accepted) => {
    expect(problems({ [name]: value })).toContain(`${name}: received ${JSON.stringify(value)}, accepted: ${accepted}`);
  });

  it.each([
    [{ CREATE_NAMESPACE: 'true' }, 'create_namespace: not an input of this action; did you mean "create-namespace"?'],
    [{ manifest: 'k8s' }, 'manifest: not an input of this action; did you mean "manifests"?'],
    [{ colour: 'red' }, 'colour: not an input of this action'],
    [{ unknown: '' }, 'unknown: not an input of this action'],
  ])('%j is not an input, and the nearest one is named', (inputs, line) => {
    expect(problems({ ...rolling, ...inputs })).toEqual([line]);
  });

  it.each([
    ['route-method', 'remove it'],
    ['version-switch-buffer', '"steady"'],
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
  ])('%s of another tool is answered with what to do instead', (name, advice) => {
    expect(problems({ ...rolling, [name]: 'true' })).toEqual([expect.stringContaining(advice)]);
  });

  it.each([
    [{ probe: 'auto' }, 'probe: received "auto", not available yet, accepted: off'],
    [{ 'probe-url': 'off' }, 'probe-url: received "off", not available yet, accepted: nothing; leave it out'],
    [{ shed: 'on' }, 'shed: received "on", not available yet, accepted: off'],
    [{ comment: 'auto' }, 'comment: received "auto", not available yet, accepted: off'],
    [
      { ...blueGreen, switch: 'auto', idle: 'hot-backup' },
      'idle: received "hot-backup", not available yet, accepted: keep | scale-down | scale-down: N, N being the pods that stay',
    ],
  ])('%j waits for a later version, and is told apart from a mistake', (inputs, line) => {
    const error = refusal({ ...rolling, ...inputs });
    expect(error.code).toBe('unavailable');
    expect(error.problems).toEqual([{ message: line }]);
  });

  it('accept the one value that asks for nothing of what is not available yet', () => {
    const nothing = { probe: 'off', comment: 'off' };
    expect(read({ ...rolling, ...nothing })).toEqual(read(rolling));
    expect(read({ action: 'promote', shed: 'off' })).toEqual(read({ action: 'promote' }));
  });

  it('never show a secret, and cut what is long', () => {
    const lines = problems({
      ...rolling,
      token: 'ghs_one\nghs_two',
      variables: 'PASSWORD=hunter2\nhunter3 is not a line',
      release: 'x'.repeat(500),
    });
    expect(lines).toEqual([
      'variables: entry 2 has no "="; expected NAME=value',
      expect.stringMatching(/^release: received "\(500 characters\)", accepted: /),
      'token: received a hidden value, accepted: one line',
    ]);
    expect(lines.join()).not.toMatch(/hunter|ghs_/);
  });

  it('leave out what only follows from variables that could not be read', () => {
    expect(problems({ ...rolling, variables: 'A-B=1', verify: '- http: /$<A>' })).toEqual([
      'variables: "A-B" is not a name; expected letters, digits and _, not beginning with a digit',
    ]);
  });
});
