import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect } from '@jest/globals';
import { dump, load } from 'js-yaml';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { field } from '../support/field.js';
import { startGitHub } from '../support/github-server.js';
import type { StepResult } from '../support/runner/runner.js';
import { describeEmbedded, startCluster } from '../support/scenario/cluster.js';
import { expectRefused } from '../support/scenario/expectations.js';
import { scenario } from '../support/scenario/scenario.js';
import type { TestNamespace } from '../support/scenario/test-namespace.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

/** Commands in both syntaxes, at the start of a line, indented, after a carriage return and after an escape sequence. */
const hostile = [
  'injected',
  '::stop-commands::injected',
  ' \t::add-mask::injected\r::set-output name=injected::x',
  'text ##[add-mask]injected',
  '\u001B[31m::group::injected\u001B[0m ##[set-output name=injected]x',
].join('\n');

/** `text` of JSON is text of YAML, whatever it holds. */
const manifest = (data: Readonly<Record<string, string>>, note = ''): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: texts, annotations: {note: ${JSON.stringify(note)}}}\ndata: ${JSON.stringify(data)}\n`;

const deploy = (more: Readonly<Record<string, string>> = {}) => ({
  manifests: 'texts.yml',
  release: 'texts',
  substitution: 'off',
  'stable-for': '0s',
  ...more,
});

/** The text is shown as text. That the runner got only the action's own commands is checked for every step. */
function expectAsText({ commands, log }: StepResult): void {
  expect(log).toContain('injected');
  expect(log).not.toMatch(/(?![\t\n])\p{Cc}/u);
  expect(commands.filter(({ name, data }) => ['add-mask', 'group'].includes(name) && /injected/.test(data))).toEqual(
    [],
  );
}

/** Nothing that the step left behind holds a secret, in any encoding or in pieces. */
function expectHidden(result: StepResult, secrets: readonly string[], pieceLength = 20): void {
  const { log, outputs, summary, state, annotations, files } = result;
  const texts = {
    ...outputs,
    ...files,
    log,
    summary,
    state: JSON.stringify(state),
    annotations: JSON.stringify(annotations),
  };
  for (const secret of secrets) {
    const pieces = Array.from({ length: Math.floor(secret.length / pieceLength) }, (_, at) =>
      secret.slice(at * pieceLength, (at + 1) * pieceLength),
    );
    const whole = [secret, Buffer.from(secret).toString('base64').replace(/=+$/, ''), encodeURIComponent(secret)];
    for (const [name, text] of Object.entries(texts)) {
      // White space is where lines were wrapped.
      const joined = text.replace(/\s+/g, '');
      const found = [...whole, ...pieces].filter(
        form => text.includes(form) || joined.includes(form.replace(/\s+/g, '')),
      );
      expect([name, found]).toEqual([name, []]);
    }
  }
}

/** The API server answers the next write of the ConfigMap with this message. */
function answerWith(ns: TestNamespace, status: number, message: string): void {
  const { sandbox, namespace } = { ...ns.cluster, namespace: ns.namespace };
  sandbox?.fault({ verb: 'PATCH', kind: 'ConfigMap', namespace, name: 'texts' }, { do: 'status', status, message }, 1);
}

describeEmbedded('Text from outside', 'only the embedded cluster gives a chosen answer', () => {
  scenario('in fields of manifests and in the output of a check is no command for the runner', cluster, async ns => {
    await ns.write({ 'texts.yml': manifest({ text: 'before' }), 'hostile.txt': hostile });
    await ns.given(deploy());
    await ns.write({ 'texts.yml': manifest({ text: hostile, [`a.b`]: '::add-mask::injected' }, hostile) });
    const planned = await ns.step(deploy({ action: 'plan' }));
    const deployed = await ns.step(deploy({ verify: '- run: cat hostile.txt; exit 1\n' }));
    for (const result of [planned, deployed]) expectAsText(result);
    expect(planned.exitCode).toBe(0);
    expectRefused(deployed, /exit status/);
  });

  scenario('in the name of a manifest is refused', cluster, async ns => {
    await ns.write({ [`k8s/a\n::stop-commands::injected\n.yml`]: manifest({}), 'k8s/b.yml': manifest({}) });
    const result = await ns.step(deploy({ manifests: 'k8s' }));
    expectRefused(result, /"k8s\/a\\n::stop-commands::injected\\n\.yml" cannot be read: .*control character/);
    expectAsText(result);
  });

  scenario('in an answer of the API server is no command for the runner', cluster, async ns => {
    await ns.write({ 'texts.yml': manifest({ text: 'before' }) });
    answerWith(ns, 403, `admission webhook "injected" denied the request: ${hostile}`);
    const denied = await ns.step(deploy());
    expectAsText(denied);
    expect(denied.exitCode).toBe(1);
    answerWith(ns, 503, hostile);
    const retried = await ns.step(deploy(), { environment: { RUNNER_DEBUG: '1' } });
    expectAsText(retried);
    expect(retried.outputs.outcome).toBe('deployed');
  });

  scenario('in the comment of a reviewer is no command for the runner', cluster, async ns => {
    const review = { environments: ['production'], state: 'approved', by: 'mona', comment: hostile } as const;
    const github = await startGitHub({
      token: 'token-of-this-job',
      repository: 'shop/website',
      environments: { production: { reviewers: ['mona'] } },
      approvals: { 1000: [review] },
    });
    try {
      for (const text of ['first', 'second']) {
        await ns.write({ 'texts.yml': manifest({ text }) });
        await ns.given(deploy());
      }
      const result = await ns.step(
        { action: 'rollback', release: 'texts', 'stable-for': '0s', approval: 'production' },
        { token: 'token-of-this-job', environment: { GITHUB_API_URL: github.url } },
      );
      expect(result.outputs.outcome).toBe('rolled-back');
      expectAsText(result);
    } finally {
      await github.close();
    }
  });
});

describeEmbedded('A secret', 'only the embedded cluster gives a chosen answer', () => {
  scenario('is masked before the names of the manifests are shown', cluster, async ns => {
    const canary = 'correct-horse-battery-staple';
    const secret = `apiVersion: v1\nkind: Secret\nmetadata: {name: hidden}\nstringData: {one: ${canary}}\n`;
    await ns.write({ [`k8s/${canary}.yml`]: secret, 'k8s/texts.yml': manifest({ text: 'before' }) });
    const result = await ns.given(deploy({ manifests: 'k8s' }));
    expect(result.log).toContain('Manifests, in this order:\nk8s/***.yml\nk8s/texts.yml');
    expectHidden(result, [canary]);
  });

  scenario('of the environment is in nothing that a step leaves behind, new or old', cluster, async ns => {
    const values = ['correct horse/battery+staple?', 'tr0ub4dor&3 of the environment'];
    const [old = '', now = ''] = values;
    const given = (url: string) => ({ environment: { DATABASE_URL: url } });
    const inputs = deploy({ substitution: 'on' });
    const texts = manifest({ database: 'at $<DATABASE_URL>', plain: 'a' }, '$<DATABASE_URL>');
    await ns.write({ 'texts.yml': texts });
    const first = await ns.given(inputs, given(old));
    const planned = await ns.step({ ...inputs, action: 'plan' }, given(now));
    answerWith(ns, 403, `admission webhook "policy" denied the request: ${now}`);
    const denied = await ns.step(inputs, given(now));
    const second = await ns.given(inputs, given(now));
    // Neither the manifests nor the environment are there when it goes back.
    const back = await ns.step({ action: 'rollback', release: 'texts', 'stable-for': '0s' });
    await ns.write({ 'texts.yml': texts.replaceAll('$<DATABASE_URL>', 'a literal') });
    const replaced = await ns.step({ ...inputs, action: 'plan' });
    for (const result of [first, planned, denied, second, back, replaced]) expectHidden(result, values);
    expect([planned.exitCode, denied.exitCode, back.outputs.outcome]).toEqual([0, 1, 'rolled-back']);
    expect(planned.log).toContain('data.database: *** → ***');
    expect(replaced.log).toContain('data.database: *** → ***');
    expect(field(await ns.get('ConfigMap', 'texts'), 'data', 'database')).toBe(`at ${old}`);
  });

  scenario('is in nothing that a step leaves behind, whatever repeats it', cluster, async ns => {
    const canaries = ['correct horse/battery+staple?', 'tr0ub4dor&3 "quoted" and long'];
    const [inData = '', inStringData = ''] = canaries;
    const token = /token: (\S+)/.exec(await ns.kubeconfigOf(deploy(), []))?.[1] ?? '';
    expect(token).not.toBe('');
    const secrets = [...canaries, token.replace(/["']/g, '')];
    const repeated = secrets
      .flatMap(one => [
        one,
        Buffer.from(one).toString('base64'),
        encodeURIComponent(one),
        one.replace(/.{12}/g, '$&\n'),
      ])
      .join(' | ');
    // The length of the token differs from run to run, and a plan tells the length of a long text as JSON.
    const said = `${repeated} ${'.'.repeat(4_000 - JSON.stringify(repeated).length)}`;
    const secret = `apiVersion: v1
kind: Secret
metadata: {name: hidden}
data: {one: ${Buffer.from(inData).toString('base64')}}
stringData: {two: ${JSON.stringify(inStringData)}}
`;
    await ns.write({ 'said.txt': said, 'texts.yml': `${secret}---\n${manifest({ text: 'before' })}` });
    const first = await ns.given(deploy());
    await ns.write({ 'texts.yml': `${secret}---\n${manifest({ text: said }, said)}` });
    const planned = await ns.step(deploy({ action: 'plan' }));
    const failed = await ns.step(deploy({ verify: '- run: cat said.txt; exit 1\n' }));
    answerWith(ns, 403, `admission webhook "policy" denied the request: ${said}`);
    const denied = await ns.step(deploy());
    for (const result of [first, planned, failed, denied]) expectHidden(result, secrets);
    expect([planned.exitCode, failed.exitCode, denied.exitCode]).toEqual([0, 1, 1]);
    expect(denied.summary).toContain('denied the request');
    expect(planned.outputs.plan).toContain('text');
  });

  scenario('is in nothing that a step leaves behind, whoever has it', cluster, async ns => {
    const canary = (name: string): string => `canary+${name}/0123456789-of-${name}`;
    const names = ['environment', 'login', 'docker', 'document', 'others', 'plugin', 'github'];
    const { cluster: under, namespace } = ns;
    const secret = (after: string): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'of-others', namespace },
      data: { after: encoded(after) },
    });
    await ns.write({
      'site.yml': readingSite(under.images.site, JSON.stringify({ db: { password: canary('document') } })),
      'docker/config.json': JSON.stringify({ auths: { 'r.test': { auth: encoded(`bot:${canary('docker')}`) } } }),
    });
    const inputs = { manifests: 'site.yml', release: 'site', 'stable-for': '0s', 'registry-secret': 'pull' };
    const logins = { ...inputs, 'registry-credentials': `ghcr.io robot ${canary('login')}` };
    const environment = { DATABASE_URL: canary('environment'), DOCKER_CONFIG: `${ns.workspace}/docker`, LEVEL: 'one' };
    const given = { environment, token: canary('github') };
    await under.kube.create(secret('0s'));
    const first = await ns.given(inputs, given);
    const second = await ns.given(logins, { ...given, environment: { ...environment, LEVEL: 'two' } });
    // From now on new pods crash, and their log has a value that no step was given.
    const path = `/api/v1/namespaces/${namespace}/secrets/of-others`;
    const body = { data: secret(canary('others'))['data'] };
    await under.kube.send({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body });
    const failed = await ns.step(logins, { ...given, environment: { ...environment, LEVEL: 'three' } });
    const back = await ns.step({ action: 'rollback', release: 'site', 'stable-for': '0s' });
    const failing = await kubeconfigWithCommand(ns, 'echo "refused: $CLIENT_SECRET, $INPUT_TOKEN" >&2; exit 1', {
      exec: { env: [{ name: 'CLIENT_SECRET', value: canary('plugin') }] },
    });
    const refused = await ns.step({ action: 'status', release: 'site', kubeconfig: failing }, given);
    for (const result of [first, second, failed, back, refused]) expectHidden(result, names.map(canary), 12);
    for (const { log } of [failed, back]) expect(log).toMatch(/log of site-.*: READY_AFTER: invalid duration "\*\*\*"/);
    expect(refused.log).toContain('refused: ***,');
    expect([failed.exitCode, back.exitCode, refused.exitCode]).toEqual([1, 1, 1]);
  });

  scenario('of an input is not given to the command of a legacy kubeconfig', cluster, async ns => {
    const token = /token: (\S+)/.exec(await ns.kubeconfigOf(deploy(), []))?.[1] ?? '';
    const printed = JSON.stringify({ token: token.replace(/["']/g, ''), expiry: '2100-01-01T00:00:00Z' });
    const config = { 'token-key': '{.token}', 'expiry-key': '{.expiry}' };
    const kubeconfig = await kubeconfigWithCommand(ns, `env > '${ns.workspace}/seen'; echo '${printed}'`, { config });
    await ns.write({ 'texts.yml': manifest({ text: 'before' }) });
    const environment = { KEPT: 'kept' };
    const result = await ns.step(deploy({ kubeconfig }), { token: 'token-of-this-job', environment });
    expect(result.outputs.outcome).toBe('deployed');
    const seen = await readFile(`${ns.workspace}/seen`, 'utf8');
    expect(seen).toContain('KEPT=kept');
    expect(seen).not.toMatch(/^INPUT_|token-of-this-job/m);
  });
});

const encoded = (text: string): string => Buffer.from(text).toString('base64');

/** A site with a Secret of its own, a value of the environment, and a Secret of others, which it logs if it is no duration. */
function readingSite(image: string, document: string): string {
  return `apiVersion: v1
kind: Secret
metadata: {name: known}
data: {config.json: ${encoded(document)}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {url: $<DATABASE_URL>}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: site}
spec:
  replicas: 1
  selector: {matchLabels: {app: site}}
  template:
    metadata: {labels: {app: site}}
    spec:
      containers:
        - name: web
          image: ${image}:v1
          env:
            - {name: READY_AFTER, valueFrom: {secretKeyRef: {name: of-others, key: after}}}
            - {name: DATABASE_URL, value: $<DATABASE_URL>}
            - {name: LEVEL, value: $<LEVEL>}
`;
}

/** The kubeconfig of a step whose credentials come from a shell command: of an exec plugin, or of a legacy provider. */
async function kubeconfigWithCommand(
  ns: TestNamespace,
  script: string,
  { exec, config }: { readonly exec?: object; readonly config?: object },
): Promise<string> {
  const command = join(ns.workspace, 'login.sh');
  await writeFile(command, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const file = load(await ns.kubeconfigOf(deploy(), [])) as { readonly users: readonly { readonly name: string }[] };
  const apiVersion = 'client.authentication.k8s.io/v1';
  const user =
    exec === undefined
      ? { 'auth-provider': { name: 'gcp', config: { 'cmd-path': command, ...config } } }
      : { exec: { apiVersion, command, interactiveMode: 'Never', ...exec } };
  return dump({ ...file, users: file.users.map(({ name }) => ({ name, user })) });
}
