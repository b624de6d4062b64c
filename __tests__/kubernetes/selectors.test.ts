import { describe, expect, it } from '@jest/globals';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { PodIndex, routesTo, selectorMatches, selectorOf, selects } from '../../src/kubernetes/selectors.js';

type Labels = Readonly<Record<string, string>>;

const deployment = (name: string, labels: object, namespace = 'shop'): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace },
  spec: { template: { metadata: { labels }, spec: { containers: [] } } },
});
const service = (selector?: object, namespace = 'shop'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace },
  spec: selector === undefined ? {} : { selector },
});
const blue = deployment('web-blue', { app: 'web', role: 'blue' });
const green = deployment('web-green', { app: 'web', role: 'green' });
const other = deployment('web', { app: 'web' }, 'other');
const configMap: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web', namespace: 'shop' } };
const external: KubeObject = { ...service(), spec: { type: 'ExternalName', selector: { app: 'web' } } };
const policy: KubeObject = { ...service({ app: 'web' }), apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' };

describe('A Service', () => {
  const index = new PodIndex([blue, green, other, configMap]);

  it.each([
    ['routes to every workload whose pods carry the labels', service({ app: 'web' }), [blue, green]],
    ['requires all labels of its selector', service({ app: 'web', role: 'green' }), [green]],
    ['routes to no other namespace', service({ app: 'web' }, 'other'), [other]],
    ['routes to nothing without a selector', service(), []],
    ['routes to nothing with an empty selector', service({}), []],
    ['routes to nothing where a label has another value', service({ app: 'web', role: 'red' }), []],
    ['routes to nothing as an ExternalName, whatever it selects', external, []],
    ['is distinguished from other kinds that have a selector', policy, []],
  ])('%s', (_behaviour, object, workloads) => {
    expect(index.routedBy(object)).toEqual(workloads);
    expect([blue, green, other, configMap].filter(workload => routesTo(object, workload))).toEqual(workloads);
  });

  it('has an empty selector where the field is absent', () => {
    expect(selectorOf(service())).toEqual({});
  });
});

describe('A label selector', () => {
  const index = new PodIndex([blue, green, other]);

  it.each([
    ['selects all workloads of the namespace when it is empty', {}, [blue, green]],
    ['selects by expressions alone', { matchExpressions: [{ key: 'role', operator: 'Exists' }] }, [blue, green]],
    [
      'combines labels and expressions',
      { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'role', operator: 'NotIn', values: ['blue'] }] },
      [green],
    ],
    ['selects nothing by an unknown operator', { matchExpressions: [{ key: 'role', operator: 'Like' }] }, []],
  ])('%s', (_behaviour, selector, workloads) => {
    expect(index.selectedBy('shop', selector)).toEqual(workloads);
  });

  it('that is absent selects everything', () => {
    expect(selectorMatches(undefined, { app: 'web' })).toBe(true);
  });
});

describe('A selector of labels', () => {
  it.each<[string, Labels, Labels, boolean]>([
    ['selects pods that have all of its labels', { a: '1' }, { a: '1', b: '2' }, true],
    ['does not select pods with another value', { a: '1', b: '2' }, { a: '1', b: '3' }, false],
    ['does not select pods without the label', { a: '1' }, {}, false],
    ['that is empty selects nothing, not everything', {}, { a: '1' }, false],
  ])('%s', (_what, ...[selector, labels, expected]) => {
    expect(selects(selector, labels)).toBe(expected);
  });
});
