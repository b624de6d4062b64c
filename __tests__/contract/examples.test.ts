import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { load, loadAll } from 'js-yaml';
import { readInputs } from '../../src/inputs/read.js';
import { renderRoles } from '../../src/manifests/roles/render.js';
import { readDocuments } from '../../src/manifests/yaml/documents.js';
import type { Log } from '../../src/log.js';
import { documentedRoles, rightsOf, rolesFor } from '../support/scenario/rights.js';

type Map = Readonly<Record<string, unknown>>;
interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}
interface Job {
  readonly permissions?: Map;
  readonly environment?: string;
  readonly concurrency?: { readonly group: string; readonly 'cancel-in-progress': boolean };
  readonly needs?: string;
  readonly steps: readonly Step[];
}
interface Workflow {
  readonly on: unknown;
  readonly permissions?: Map;
  readonly concurrency?: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

const folders = readdirSync('examples').map(name => join('examples', name));
const files = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true }).map(name => join(folder, String(name)));
const workflowFiles = folders.flatMap(files).filter(file => /(workflow|rollback)\.yml$/.test(file));
const workflow = (file: string): Workflow => load(readFileSync(file, 'utf8')) as Workflow;
const action = load(readFileSync('action.yml', 'utf8')) as { readonly inputs: Map };

const cutover = 'OWNER/cutover@v0';
const steps = workflowFiles.flatMap(file =>
  Object.entries(workflow(file).jobs).flatMap(([job, { steps: all }]) =>
    all.filter(({ uses }) => uses === cutover).map(step => ({ file, job, step })),
  ),
);

/** The values that GitHub would replace expressions with. */
const expressions: Readonly<Record<string, string>> = {
  'secrets.KUBECONFIG': 'apiVersion: v1\nkind: Config\n',
  'secrets.KUBECONFIG_PLAN': 'apiVersion: v1\nkind: Config\n',
  'secrets.KUBECONFIG_STAGE': 'apiVersion: v1\nkind: Config\n',
  'inputs.version': '8',
  'needs.stage.outputs.revision': '4',
  'env.IMAGE': 'ghcr.io/your-name/site:41',
  'github.run_number': '41',
  'github.token': 'a-token',
};
/** Names of secrets by action or strategy; all others: `KUBECONFIG`. */
const secretFor: Readonly<Record<string, string>> = {
  plan: 'KUBECONFIG_PLAN',
  deploy: 'KUBECONFIG_STAGE',
  'blue-green': 'KUBECONFIG_STAGE',
};
const evaluate = (text: string): string =>
  text.replaceAll(/\$\{\{\s*(.*?)\s*\}\}/g, (_all, expression: string) => {
    const value = expressions[expression];
    if (value === undefined) throw new Error(`the test has no value for ${expression}`);
    return value;
  });

const silent: Log = {
  info: () => undefined,
  debug: () => undefined,
  warning: () => undefined,
  error: () => undefined,
  mask: () => undefined,
  hide: () => undefined,
  group: (_title, work) => work(),
};

describe('Workflows that users copy', () => {
  it('exist for all examples', () => {
    expect(workflowFiles.sort()).toEqual([
      'examples/plain-blue-green/workflow.yml',
      'examples/rolling-website/workflow.yml',
      'examples/several-services/workflow.yml',
      'examples/tomcat-blue-green/rollback.yml',
      'examples/tomcat-blue-green/workflow.yml',
    ]);
    expect(steps).toHaveLength(9);
  });

  it.each(workflowFiles)('%s lets no job wait for one that waits for reviewers', file => {
    const { concurrency, jobs } = workflow(file);
    expect(concurrency).toBeUndefined();
    for (const job of Object.values(jobs)) {
      const actions = job.steps.filter(({ uses }) => uses === cutover).map(step => step.with?.['action'] ?? 'deploy');
      expect(job.concurrency).toEqual(
        actions.includes('deploy') ? { group: expect.any(String), 'cancel-in-progress': false } : undefined,
      );
    }
  });

  it.each(workflowFiles)('%s gives the credentials that switch users only to jobs of an environment', file => {
    for (const { environment, steps: all } of Object.values(workflow(file).jobs)) {
      for (const { uses, with: inputs = {} } of all) {
        if (uses !== cutover) continue;
        const what = [inputs['action'], inputs['strategy']].find(value => typeof value === 'string') ?? 'rolling';
        const isGated = what === 'promote' || what === 'rollback';
        expect([what, inputs['kubeconfig']]).toEqual([what, `\${{ secrets.${secretFor[what] ?? 'KUBECONFIG'} }}`]);
        expect(environment !== undefined).toBe(isGated);
      }
    }
  });

  it.each(
    steps
      .filter(({ step }) => step.with?.['manifests'] !== undefined)
      .map(({ file, job, step }) => [file, job, step] as const),
  )('%s, job %s: the Roles of its action and of its README allow every kind of its manifests', (file, _job, step) => {
    const folder = dirname(file);
    const readme = readFileSync(join(folder, 'README.md'), 'utf8');
    const inputs = Object.fromEntries(Object.entries(step.with ?? {}).map(([name, value]) => [name, String(value)]));
    const roles = [
      ...rolesFor(inputs),
      ...(readme.includes('`cutover-budgets`') ? (['cutover-budgets'] as const) : []),
    ];
    const rights = rightsOf(roles.flatMap(role => documentedRoles.get(role) ?? []));
    const kinds = files(join(folder, 'k8s')).flatMap(name =>
      Array.from(readFileSync(name, 'utf8').matchAll(/^kind: (\w+)$/gm), ([, kind = '']) => `${kind.toLowerCase()}s`),
    );
    const missing = kinds.flatMap(kind =>
      ['get', 'create', 'patch'].filter(
        verb => !rights.some(right => new RegExp(`^${verb} (.+/)?${kind}$`).test(right)),
      ),
    );
    expect([kinds.length > 1, missing]).toEqual([true, []]);
  });

  it.each(workflowFiles)('%s leaves no token behind for later steps', file => {
    const checkouts = Object.values(workflow(file).jobs).flatMap(job =>
      job.steps.filter(({ uses }) => uses?.startsWith('actions/checkout@')),
    );
    for (const step of checkouts) expect(step.with).toMatchObject({ 'persist-credentials': false });
  });

  it.each(workflowFiles)('%s gives each job only the permissions that its steps need', file => {
    const { permissions, jobs } = workflow(file);
    expect(permissions).toEqual({});
    for (const job of Object.values(jobs)) expect(job.permissions).toEqual(permissionsNeededBy(job));
  });

  it.each(workflowFiles)('%s pins the actions of others by commit', file => {
    const used = Object.values(workflow(file).jobs).flatMap(job => job.steps.flatMap(({ uses }) => uses ?? []));
    for (const name of used) expect(name).toMatch(name.startsWith('OWNER/') ? /^OWNER\/cutover@v0$/ : /@[0-9a-f]{40}$/);
  });

  it.each(steps.map(({ file, job, step }) => [`${file}, job ${job}`, step] as const))(
    '%s: the step has only inputs that the action takes, with values that it accepts',
    (_where, step) => {
      const inputs = Object.fromEntries(
        Object.entries(step.with ?? {}).map(([name, value]) => [name, evaluate(String(value))]),
      );
      expect(Object.keys(action.inputs)).toEqual(expect.arrayContaining(Object.keys(inputs)));
      const environment = Object.fromEntries(
        Object.keys(action.inputs).map(name => [`INPUT_${name.toUpperCase()}`, inputs[name] ?? defaultOf(name)]),
      );
      const github = { GITHUB_ACTIONS: 'true', GITHUB_REPOSITORY: 'shop/website', GITHUB_RUN_ID: '1' };
      expect(readInputs({ environment: { ...environment, ...github }, log: silent })).toMatchObject({
        action: inputs.action ?? 'deploy',
      });
    },
  );

  it.each(['tomcat', 'plain'])(
    'promote of %s runs in the environment whose approval it proves, with the permissions to prove it',
    name => {
      const { promote, stage } = workflow(`examples/${name}-blue-green/workflow.yml`).jobs;
      expect(promote).toMatchObject({
        needs: 'stage',
        environment: 'production',
        permissions: { actions: 'read', 'id-token': 'write' },
        steps: [{ with: { action: 'promote', approval: 'production' } }],
      });
      expect(stage?.environment).toBeUndefined();
    },
  );

  it('several Services are named with the main one first, as the manifests have them', () => {
    const { stage } = workflow('examples/several-services/workflow.yml').jobs;
    const named = String(stage?.steps.find(({ uses }) => uses === cutover)?.with?.['service'])
      .trim()
      .split('\n');
    const text = readFileSync('examples/several-services/k8s/shop.yml', 'utf8');
    const manifests = readDocuments([{ file: 'shop.yml', text }]);
    const request = { builtIns: { REVISION: '1' }, variables: {}, environment: {}, substitution: 'on' } as const;
    const rendered = renderRoles({
      ...{ ...request, manifests, images: [], namespace: 'shop', release: 'shop' },
      ...{ roles: ['blue', 'green'], services: named },
    });
    const { publicServices, of, shared } = rendered.resources;
    expect(publicServices['green']?.map(({ object }) => object.metadata.name)).toEqual(named);
    const deployments = (of['green'] ?? []).filter(({ object }) => object.kind === 'Deployment');
    expect(deployments.map(({ object }) => object.metadata.name)).toEqual(['frontend-green', 'cart-green']);
    expect(shared).toEqual([]);
  });

  it('the rollback is started by hand, and waits for nobody', () => {
    const { on, jobs } = workflow('examples/tomcat-blue-green/rollback.yml');
    expect(on).toBe('workflow_dispatch');
    expect(jobs['rollback']).toMatchObject({ environment: 'production-rollback' });
    expect(jobs['rollback']).not.toHaveProperty('needs');
  });

  it('the website is deployed only after its image is pushed, with the tag of the run', () => {
    const { image, deploy } = workflow('examples/rolling-website/workflow.yml').jobs;
    const commands = image?.steps.flatMap(({ run }) => run ?? []) ?? [];
    expect(commands.findIndex(run => run.includes('docker build'))).toBeLessThan(
      commands.findIndex(run => run.includes('docker push')),
    );
    expect(deploy?.needs).toBe('image');
    expect(readFileSync('examples/rolling-website/workflow.yml', 'utf8')).toContain(
      'IMAGE: ghcr.io/your-name/site:${{ github.run_number }}',
    );
  });

  it.each(workflowFiles)('%s refers to manifests that exist', file => {
    const named = Object.values(workflow(file).jobs)
      .flatMap(job => job.steps.flatMap(step => step.with?.manifests ?? []))
      .map(String);
    for (const path of named) expect(existsSync(path)).toBe(true);
    expect(new Set(named).size).toBe(basename(file) === 'rollback.yml' ? 0 : 1);
  });
});

describe('Manifests of the Tomcat example', () => {
  const read = (name: string): Map => load(readFileSync(`examples/tomcat-blue-green/k8s/${name}.yml`, 'utf8')) as Map;

  it('are those of the 2018 description: kinds, versions, names, labels, ports', () => {
    expect(read('deployment')).toMatchObject({
      apiVersion: 'extensions/v1beta1',
      kind: 'Deployment',
      metadata: { name: 'tomcat-deployment-${TARGET_ROLE}' },
      spec: {
        replicas: 2,
        template: {
          metadata: { labels: { app: 'tomcat', role: '${TARGET_ROLE}' } },
          spec: {
            containers: [
              {
                name: 'tomcat-container',
                image: 'tomcat:${TOMCAT_VERSION}',
                ports: [{ containerPort: 8080 }],
                readinessProbe: { httpGet: { path: '/', port: 8080 } },
              },
            ],
          },
        },
      },
    });
    const selector = { app: 'tomcat', role: '${TARGET_ROLE}' };
    const spec = { type: 'LoadBalancer', selector, ports: [{ port: 80, targetPort: 8080 }] };
    expect(read('service')).toMatchObject({
      metadata: { name: 'tomcat-service', labels: { ...selector, env: 'prod' } },
      spec,
    });
    expect(read('test-endpoint')).toMatchObject({
      metadata: { name: 'tomcat-test-${TARGET_ROLE}', labels: { app: 'tomcat', role: 'test-${TARGET_ROLE}' } },
      spec,
    });
  });
});

describe('Manifests of the website example', () => {
  it('hold a Deployment that never falls below its replicas, and node port 31000', () => {
    const objects = loadAll(readFileSync('examples/rolling-website/k8s/website.yml', 'utf8'));
    expect(objects).toEqual([
      expect.objectContaining({
        kind: 'Deployment',
        spec: expect.objectContaining({
          strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
        }),
      }),
      expect.objectContaining({
        kind: 'Service',
        spec: expect.objectContaining({ type: 'NodePort', ports: [{ port: 80, targetPort: 8080, nodePort: 31000 }] }),
      }),
    ]);
  });
});

/** The scopes of a job's token: to check out the repository, to push an image, and to read the approval of the run. */
function permissionsNeededBy({ steps: all }: Job): Map {
  return {
    ...(all.some(({ uses }) => uses?.startsWith('actions/checkout@')) && { contents: 'read' }),
    ...(all.some(({ run }) => run?.startsWith('docker push')) && { packages: 'write' }),
    ...(all.some(step => step.with?.approval !== undefined) && { actions: 'read', 'id-token': 'write' }),
  };
}

function defaultOf(name: string): string {
  const declared = action.inputs[name] as { readonly default?: string } | undefined;
  return declared?.default === undefined ? '' : evaluate(declared.default);
}
