import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect } from '@jest/globals';
import { setImage, site, tomcat } from '../support/scenario/applications.js';
import { startCluster } from '../support/scenario/cluster.js';
import { field } from '../support/field.js';
import { scenario } from '../support/scenario/scenario.js';
import { expectRefused, settled } from '../support/scenario/expectations.js';
import type { TestNamespace } from '../support/scenario/test-namespace.js';
import type { StepResult } from '../support/runner/runner.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

type Inputs = Readonly<Record<string, string>>;
interface Planned {
  readonly changes: boolean;
  readonly refused: boolean;
  readonly revision: number;
  readonly activeRole?: string;
  readonly stagedRole?: string;
  readonly notes: readonly string[];
  readonly objects: readonly {
    readonly kind: string;
    readonly name: string;
    readonly change: string;
    readonly when: string;
    readonly checked: boolean;
    readonly fields: readonly { readonly path: string; readonly from?: string; readonly to?: string }[];
  }[];
  readonly users: readonly unknown[];
  readonly images: readonly { readonly name: string; readonly from?: string; readonly to: string }[];
  readonly findings: readonly { readonly code: string; readonly file: string; readonly line: number }[];
  readonly problems: readonly { readonly message: string; readonly file?: string; readonly line?: number }[];
}

const asPlan = (inputs: Inputs): Inputs => ({ ...inputs, action: 'plan' });
const planOf = ({ outputs }: StepResult): Planned => JSON.parse(outputs.plan ?? '') as Planned;
const changesOf = ({ objects }: Planned): Readonly<Record<string, string>> =>
  Object.fromEntries(
    objects.map(({ kind, change, when }) => [when === 'switch' ? `${kind} at the switch` : kind, change]),
  );

const writing = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/** Plays a plan. It must change no object of the namespace, and all its writes must be dry runs. */
async function planned(ns: TestNamespace, inputs: Inputs): Promise<StepResult> {
  await ns.kubeconfigOf(asPlan(inputs), []);
  const leases = async (): Promise<readonly unknown[]> =>
    (await ns.list('Lease')).map(({ metadata }) => metadata.resourceVersion);
  const before = [await ns.versions(), await leases()];
  const written: string[] = [];
  const end = ns.cluster.sandbox?.calls.listen(({ verb, kind, name, namespace, dryRun }) => {
    // Other scenarios use other namespaces.
    if (namespace === ns.namespace && writing.has(verb) && !dryRun) written.push(`${verb} ${kind} ${name}`);
  });
  try {
    const result = await ns.step(asPlan(inputs));
    expect([await ns.versions(), await leases()]).toEqual(before);
    expect(written).toEqual([]);
    return result;
  } finally {
    end?.();
  }
}

const secret = (value: string): string =>
  `apiVersion: v1\nkind: Secret\nmetadata: {name: site-secret}\nstringData: {password: ${value}}\n`;

describe('A plan of a rolling deploy', () => {
  scenario('shows what a first deploy creates', cluster, async ns => {
    await site.bring(ns);
    const result = await planned(ns, site.deploy('v1'));
    expect(result.exitCode).toBe(0);
    expect(result.outputs).toMatchObject({ release: 'site' });
    expect(result.outputs.outcome).toBeUndefined();
    const plan = planOf(result);
    expect(plan).toMatchObject({ changes: true, refused: false, revision: 1, problems: [] });
    expect(changesOf(plan)).toEqual({ ConfigMap: 'created', Deployment: 'created', Service: 'created' });
    expect(plan.images).toEqual([expect.objectContaining({ name: 'site', to: `${ns.cluster.images.site}:v1` })]);
    expect(JSON.parse(result.outputs.changes ?? '')).toHaveLength(3);
    expect(await ns.list('Deployment')).toEqual([]);
  });

  scenario('shows each changed field and image of an update, and no secret', cluster, async ns => {
    await site.bring(ns);
    await ns.write({ 'secret.yml': secret('first-password') });
    const inputs = (version: string) => site.deploy(version, { manifests: 'site.yml, secret.yml' });
    await ns.given(inputs('v1'));
    await ns.write({ 'secret.yml': secret('second-password') });
    await settled(ns);
    const result = await planned(ns, inputs('v2'));
    const plan = planOf(result);
    expect(changesOf(plan)).toEqual({
      ConfigMap: 'changed',
      Secret: 'changed',
      Deployment: 'changed',
      Service: 'unchanged',
    });
    const { site: repository } = ns.cluster.images;
    expect(plan.images).toMatchObject([{ from: `${repository}:v1`, to: `${repository}:v2` }]);
    expect(plan.objects.flatMap(({ fields }) => fields)).toEqual([
      { path: 'data.greeting', from: '"hello from v1"', to: '"hello from v2"' },
      {
        path: 'spec.template.spec.containers[site].image',
        from: `"${repository}:v1"`,
        to: `"${repository}:v2"`,
      },
      { path: 'data.password', from: '***', to: '***' },
    ]);
    expect(result.summary).toContain('revision 2 would be deployed');
    expect(result.summary).toContain('"hello from v1" → "hello from v2"');
    for (const text of [result.log, result.summary, result.outputs.plan]) {
      expect(text).not.toContain('-password');
      expect(text).not.toContain(Buffer.from('second-password').toString('base64'));
    }
    expect(await site.version(ns)).toBe('v1');
  });

  scenario('reports when nothing would change', cluster, async ns => {
    await site.bring(ns);
    await ns.given(site.deploy('v1'));
    await settled(ns);
    const result = await ns.step(asPlan(site.deploy('v1')));
    expect(result).toMatchObject({ exitCode: 0, outputs: { outcome: 'unchanged' } });
    expect(planOf(result)).toMatchObject({ changes: false, images: [] });
    expect(result.summary).toContain('nothing would be changed');
  });

  scenario('marks objects of a namespace that does not exist yet as not checked', cluster, async ns => {
    await site.bring(ns);
    const namespace = `${ns.namespace}-coming`;
    const inputs = asPlan(site.deploy('v1', { namespace, 'create-namespace': 'true' }));
    const result = await ns.step(inputs, { as: 'admin' });
    expect(result.exitCode).toBe(0);
    const plan = planOf(result);
    expect(plan.objects.map(({ kind, change, checked }) => [kind, change, checked])).toEqual([
      ['Namespace', 'created', true],
      ['ConfigMap', 'created', false],
      ['Deployment', 'created', false],
      ['Service', 'created', false],
    ]);
    expect(await ns.cluster.kube.get({ kind: 'Namespace', namespace: '', name: namespace })).toBeUndefined();
  });

  scenario('shows everything and fails where the API server refuses an object', cluster, async ns => {
    await site.bring(ns);
    await ns.rewrite('site.yml', text => text.replace('replicas: 3', 'replicas: 3\n  nonsense: 1'));
    const result = await planned(ns, site.deploy('v1'));
    expectRefused(result, /Deployment .*; nothing was changed/);
    const plan = planOf(result);
    expect(plan).toMatchObject({ refused: true });
    expect(plan.problems).toEqual([
      { message: expect.stringMatching(/Deployment .*nonsense/), file: 'site.yml', line: expect.any(Number) },
    ]);
    expect(changesOf(plan)).toEqual({ ConfigMap: 'created', Service: 'created' });
    expect(result.summary).toContain('nonsense');
  });
});

describe('A plan of a blue/green deploy', () => {
  scenario('shows the role, the switch and the images that users would get', cluster, async ns => {
    await tomcat.bring(ns);
    const first = planOf(await ns.step(asPlan(tomcat.deploy('7'))));
    expect(first).toMatchObject({ revision: 1, stagedRole: 'blue' });
    expect(first.notes.join(' ')).toMatch(/staged on blue.*`promote` would later create Service/);
    expect(changesOf(first)).toEqual({
      Deployment: 'created',
      Service: 'created',
      'Service at the switch': 'created',
    });
    await ns.given(tomcat.release('7'));
    await settled(ns);
    const second = await ns.step(asPlan(tomcat.deploy('8')));
    const plan = planOf(second);
    expect(second.outputs).toMatchObject({ 'active-role': 'blue', 'idle-role': 'green' });
    expect(plan).toMatchObject({ revision: 2, activeRole: 'blue', stagedRole: 'green', refused: false });
    expect(plan.images).toMatchObject([{ from: expect.stringMatching(/:7$/), to: expect.stringMatching(/:8$/) }]);
    expect(plan.users).toMatchObject([
      {
        kind: 'Deployment',
        name: 'tomcat-deployment-blue',
        change: 'changed',
        fields: [
          {
            path: expect.stringMatching(/image$/),
            from: expect.stringMatching(/:7"$/),
            to: expect.stringMatching(/:8"$/),
          },
        ],
      },
    ]);
    expect(second.summary).toContain('What users would get that they do not have');
    expect(plan.objects.find(({ when }) => when === 'switch')).toMatchObject({
      kind: 'Service',
      change: 'changed',
      fields: expect.arrayContaining([{ path: 'spec.selector.role', from: '"blue"', to: '"green"' }]),
    });
    expect(await ns.get('Deployment', 'tomcat-deployment-green')).toBeUndefined();
    const same = await ns.step(asPlan(tomcat.deploy('7')));
    expect(same).toMatchObject({ exitCode: 0, outputs: { outcome: 'unchanged', 'active-role': 'blue' } });
  });
});

describe('Findings', () => {
  const fragile = (text: string): string => text.replace('replicas: 3', 'replicas: 1');

  scenario('are annotations on the line of the manifest, and in the summary', cluster, async ns => {
    await site.bring(ns);
    await ns.rewrite('site.yml', fragile);
    const result = await ns.given(site.deploy('v1'));
    const text = await readFile(join(ns.workspace, 'site.yml'), 'utf8');
    const line = 1 + text.split('\n').findIndex(one => one.includes('replicas: 1'));
    expect(result.annotations).toContainEqual(
      expect.objectContaining({
        level: 'warning',
        message: expect.stringMatching(/single pod.*\(single-replica\)/),
        file: 'site.yml',
        line,
      }),
    );
    expect(result.summary).toContain('single-replica');
  });

  scenario('stop a deploy before its first write with `lint: error`, unless they are ignored', cluster, async ns => {
    await site.bring(ns);
    await ns.rewrite('site.yml', fragile);
    const refused = await planned(ns, site.deploy('v1', { lint: 'error' }));
    expectRefused(refused, /single-replica/);
    const deploy = await ns.step(site.deploy('v1', { lint: 'error' }));
    expectRefused(deploy, /single-replica/);
    expect(await ns.list('Deployment')).toEqual([]);
    await ns.rewrite('site.yml', text =>
      text.replace(
        '  name: site\nspec:\n  replicas',
        `  name: site\n  annotations: {cutover/ignore-single-replica: a toy}\nspec:\n  replicas`,
      ),
    );
    const taken = await ns.step(site.deploy('v1', { lint: 'error' }));
    expect(taken).toMatchObject({ exitCode: 0, outputs: { outcome: 'deployed' } });
    expect(taken.log).toContain('single-replica is silenced: a toy');
    const annotation = field(
      await ns.get('Deployment', 'site'),
      'metadata',
      'annotations',
      'cutover/ignore-single-replica',
    );
    expect(annotation).toBe('a toy');
  });

  scenario('report that no pod behind the live Service is ready', cluster, async ns => {
    await site.bring(ns);
    await ns.given(site.deploy('v1'));
    await ns.cluster.kube.patch(
      { kind: 'Deployment', namespace: ns.namespace, name: 'site' },
      { spec: { strategy: { type: 'Recreate', rollingUpdate: null } } },
    );
    const image = `${ns.cluster.images.site}:never-ready`;
    await setImage(ns, { deployment: 'site', container: 'site', image });
    await ns.until('no pod is ready, and the controller has written what it writes', async () => {
      const live = await ns.get('Deployment', 'site');
      const isSeen = field(live, 'status', 'observedGeneration') === field(live, 'metadata', 'generation');
      const hasNumber = live?.metadata.annotations?.['deployment.kubernetes.io/revision'] === '2';
      return isSeen && hasNumber && !field(live, 'status', 'readyReplicas');
    });
    const result = await ns.step(asPlan(site.deploy('v2', { lint: 'error', 'force-conflicts': 'true' })));
    // It is reported, but does not stop the deploy that may fix it.
    expect(result.exitCode).toBe(0);
    expect(planOf(result).findings.map(({ code }) => code)).toEqual(['no-ready-endpoint']);
  });
});
