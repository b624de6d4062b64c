import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { appliedHash } from '../../../src/cluster/apply/applied-identity.js';
import { requirePlan } from '../../../src/cluster/apply/dry-run-all.js';
import { CutoverError } from '../../../src/errors.js';
import { refKey, refOf, type KubeObject } from '../../../src/kubernetes/object.js';
import type { Resource } from '../../../src/manifests/resource.js';
import { memoryCluster } from '../../support/cluster/memory-cluster.js';

beforeEach(() => {
  jest.useFakeTimers({ now: Date.parse('2026-03-01T12:00:00Z') });
});
afterEach(() => {
  jest.useRealTimers();
});

const configMap = (name: string, value: string, namespace = 'shop'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
  data: { KEY: value },
});

const deployment = (container: object): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'shop' },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', image: 'site:v1', ...container }] },
    },
  },
});

/** Rendered objects; document number n starts in line n0, and every field of it is one line below. */
const resources = (...objects: readonly KubeObject[]): readonly Resource[] =>
  objects.map((object, index) => {
    const at = { file: 'app.yml', line: (index + 1) * 10, column: 1 };
    return { object, at, positionOf: path => (path.length === 0 ? at : { ...at, line: at.line + 1 }) };
  });

const refusalOf = async (work: Promise<unknown>): Promise<CutoverError> =>
  work.then(
    () => {
      throw new Error('nothing was refused');
    },
    (error: unknown) => error as CutoverError,
  );

describe('a dry run', () => {
  it('distinguishes created, changed and unchanged, and stores nothing', async () => {
    const cluster = memoryCluster();
    await cluster.apply(configMap('same', '1'));
    await cluster.apply(configMap('other', '1'));
    jest.setSystemTime(Date.now() + 60_000);
    cluster.calls.length = 0;
    const given = resources(configMap('new', '1'), configMap('same', '1'), configMap('other', '2'));
    const planned = await requirePlan({ cluster, resources: given, force: false });
    expect(planned.map(({ change }) => change)).toEqual(['created', 'unchanged', 'changed']);
    expect(planned.map(({ resource }) => resource)).toEqual(given);
    expect(planned.map(({ live }) => live?.['data'])).toEqual([undefined, { KEY: '1' }, { KEY: '1' }]);
    expect(planned.map(({ after }) => after?.['data'])).toEqual([{ KEY: '1' }, { KEY: '1' }, { KEY: '2' }]);
    expect(cluster.writes()).toEqual([]);
  });

  it('reads a live object only where neither the answer nor the record is enough', async () => {
    const cluster = memoryCluster();
    const recorded = await cluster.apply(configMap('recorded', '1'));
    await cluster.apply(configMap('unrecorded', '1'));
    jest.setSystemTime(Date.now() + 60_000);
    cluster.calls.length = 0;
    const given = resources(configMap('new', '1'), configMap('recorded', '1'), configMap('unrecorded', '1'));
    const applied = { [refKey(refOf(recorded.object))]: appliedHash(configMap('recorded', '1'), recorded.object)! };
    const planned = await requirePlan({ cluster, resources: given, force: false, applied });
    expect(planned.map(({ change }) => change)).toEqual(['created', 'unchanged', 'unchanged']);
    expect(cluster.calls.filter(call => call.startsWith('GET'))).toEqual(['GET ConfigMap shop/unrecorded']);
  });

  it('reports an object that is deleted between the two requests as created', async () => {
    const cluster = memoryCluster();
    await cluster.apply(configMap('going', '1'));
    cluster.before = call => {
      if (call.startsWith('GET'))
        cluster.store.remove({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'going' });
    };
    const [planned] = await requirePlan({ cluster, resources: resources(configMap('going', '2')), force: false });
    expect(planned).toMatchObject({ change: 'created', after: { data: { KEY: '2' } } });
    expect(planned).not.toHaveProperty('live');
  });

  it('reports an object that Cutover never applied as changed in its ownership, though its content is the same', async () => {
    const cluster = memoryCluster();
    cluster.given(configMap('theirs', '1'));
    const [planned] = await requirePlan({ cluster, resources: resources(configMap('theirs', '1')), force: false });
    expect(planned?.change).toBe('changed');
  });

  it('sends nothing for no objects', async () => {
    expect(await requirePlan({ cluster: memoryCluster(), resources: [], force: false })).toEqual([]);
  });
});

describe('what the API server rejects', () => {
  it('is listed together, object by object, with its position in the manifests', async () => {
    const cluster = memoryCluster();
    cluster.given(configMap('theirs', 'theirs'));
    cluster.calls.length = 0;
    const given = resources(
      configMap('fine', '1'),
      configMap('theirs', 'ours'),
      deployment({ imagePolicy: 'Always' }),
      configMap('far', '1', 'nowhere'),
      { apiVersion: 'example.org/v1', kind: 'Thing', metadata: { name: 'one', namespace: 'shop' } },
    );
    const error = await refusalOf(requirePlan({ cluster, resources: given, force: false }));
    expect(error).toMatchObject({
      code: 'rejected-plan',
      message: 'The API server rejects 4 of 5 objects; nothing was changed',
    });
    expect(error.problems.map(({ message, at }) => `${at?.line ?? 0}: ${message}`)).toEqual([
      '21: ConfigMap shop/theirs: data.KEY: conflict with "operator" using v1: the live value is "theirs", the manifest has "ours"',
      '31: Deployment shop/web: spec.template.spec.containers[name="web"].imagePolicy: field not declared in schema',
      '40: ConfigMap nowhere/far: namespace nowhere does not exist',
      '50: Thing shop/one: the API server does not serve Thing of example.org/v1',
    ]);
    expect(error.hint).toContain('force-conflicts: true');
    expect(error.hint).toContain('create-namespace: true');
    expect(cluster.writes()).toEqual([]);
  });

  it('keeps its own code when all objects are rejected for the same reason', async () => {
    const cluster = memoryCluster();
    const given = resources(configMap('a', '1', 'nowhere'), configMap('b', '1', 'nowhere'));
    expect(await refusalOf(requirePlan({ cluster, resources: given, force: false }))).toMatchObject({
      code: 'not-found',
      status: 404,
      message: 'The API server rejects 2 of 2 objects; nothing was changed',
      hint: 'Create the namespace nowhere, or set `create-namespace: true`.',
    });
  });

  it('includes every invalid field of an object', async () => {
    const cluster = memoryCluster();
    const given = resources(deployment({ imagePolicy: 'Always', tty: 'yes' }));
    const error = await refusalOf(requirePlan({ cluster, resources: given, force: false }));
    expect(error).toMatchObject({
      code: 'invalid',
      object: 'Deployment shop/web',
      message: 'Deployment shop/web does not match the schema of apps/v1; nothing was changed',
      cause: { code: 'invalid', message: 'Deployment shop/web does not match the schema of apps/v1' },
    });
    expect(error.problems.map(({ field }) => field)).toEqual([
      'spec.template.spec.containers[name="web"].imagePolicy',
      'spec.template.spec.containers[name="web"].tty',
    ]);
  });

  it('does not include fields that are taken over by force', async () => {
    const cluster = memoryCluster();
    cluster.given(configMap('theirs', 'kubectl'));
    const [planned] = await requirePlan({ cluster, resources: resources(configMap('theirs', 'ours')), force: true });
    expect(planned).toMatchObject({ change: 'changed', live: { data: { KEY: 'kubectl' } } });
  });

  it.each(['unreachable', 'unauthorized', 'cancelled', 'internal'] as const)(
    'is not the question where the API server cannot be asked at all: %s',
    async code => {
      const cluster = memoryCluster();
      const cause = new CutoverError('no answer', { code, hint: 'look' });
      cluster.before = () => {
        throw cause;
      };
      const given = resources(configMap('a', '1'), configMap('b', '1'));
      expect(await refusalOf(requirePlan({ cluster, resources: given, force: false }))).toBe(cause);
    },
  );
});

describe('objects that wait for others of the same deploy', () => {
  const namespace: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'coming' } };
  const definition: KubeObject = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.example.org' },
    spec: {
      group: 'example.org',
      scope: 'Namespaced',
      names: { kind: 'Thing', plural: 'things', singular: 'thing' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
    },
  };
  const thing: KubeObject = {
    apiVersion: 'example.org/v1',
    kind: 'Thing',
    metadata: { name: 'one', namespace: 'shop' },
  };

  it('count as created in a namespace that is among them', async () => {
    const given = resources(namespace, configMap('a', '1', 'coming'));
    const planned = await requirePlan({ cluster: memoryCluster(), resources: given, force: false });
    expect(planned.map(({ change, after }) => [change, after === undefined])).toEqual([
      ['created', false],
      ['created', true],
    ]);
  });

  it('count as created in a namespace that is created before', async () => {
    const given = resources(configMap('a', '1', 'coming'));
    const planned = await requirePlan({
      cluster: memoryCluster(),
      resources: given,
      force: false,
      comingNamespaces: ['coming'],
    });
    expect(planned.map(({ change }) => change)).toEqual(['created']);
  });

  it('count as created when their kind is defined among them', async () => {
    const planned = await requirePlan({
      cluster: memoryCluster(),
      resources: resources(thing, definition),
      force: false,
    });
    // The group may be served in another version, and the object may exist in that.
    expect(planned.map(({ change, unseen }) => [change, unseen])).toEqual([
      ['created', true],
      ['created', undefined],
    ]);
  });

  it('are rejected when the defined kind has another group', async () => {
    const other = { ...thing, apiVersion: 'example.com/v1' };
    const error = await refusalOf(
      requirePlan({ cluster: memoryCluster(), resources: resources(other, definition), force: false }),
    );
    expect(error).toMatchObject({
      code: 'unknown-kind',
      object: 'Thing shop/one',
      message: 'Thing shop/one: the API server does not serve Thing of example.com/v1; nothing was changed',
      cause: { code: 'unknown-kind', message: 'the API server does not serve Thing of example.com/v1' },
    });
  });

  describe('of a kind whose definition is among them', () => {
    const withFields = (...names: readonly string[]): KubeObject => {
      const properties = Object.fromEntries(names.map(name => [name, { type: 'string' }]));
      const schema = {
        openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } },
      };
      return {
        ...definition,
        spec: { ...(definition['spec'] as object), versions: [{ name: 'v1', served: true, storage: true, schema }] },
      };
    };

    it('are not checked where they need its change, whether they exist or not', async () => {
      const cluster = memoryCluster();
      await cluster.apply(withFields('size'));
      await cluster.apply({ ...thing, spec: { size: 'm' } });
      const objects = [
        { ...thing, spec: { size: 'm', colour: 'red' } },
        { ...thing, metadata: { ...thing.metadata, name: 'two' }, spec: { colour: 'red' } },
      ];
      const given = resources(...objects, withFields('size', 'colour'));
      const planned = await requirePlan({ cluster, resources: given, force: false });
      expect(planned.map(({ change, newSchema, live }) => [change, newSchema, live !== undefined])).toEqual([
        ['changed', true, true],
        ['created', true, false],
        ['changed', undefined, true],
      ]);
    });

    it('are refused where it stays as it is', async () => {
      const cluster = memoryCluster();
      await cluster.apply(withFields('size'));
      const given = resources({ ...thing, spec: { colour: 'red' } }, withFields('size'));
      const error = await refusalOf(requirePlan({ cluster, resources: given, force: false }));
      expect(error.problems.map(({ message }) => message)).toEqual([
        'Thing shop/one: spec.colour: field not declared in schema',
      ]);
    });
  });
});
