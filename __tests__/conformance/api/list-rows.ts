import {
  asText,
  objectAt,
  objectsAt,
  textAt,
  type JsonObject,
  type JsonValue,
} from '../../../sandbox/api/schema/json.js';
import type { Answer } from '../../support/sandbox/api-client.js';
import {
  account,
  all,
  at,
  configMap,
  given,
  pod,
  remove,
  secret,
  verdict,
  versionOf,
  type RowNamespace,
  type Row,
} from '../../support/conformance/api-row.js';

const list = (ns: RowNamespace, query: Readonly<Record<string, string>> = {}): Promise<Answer> =>
  ns.api.send({
    method: 'GET',
    path: all(ns, 'ConfigMap'),
    query: { labelSelector: `row=${ns.name}`, ...query },
  });

/** Names in the received order, without the row's prefix. */
const names = ({ json }: Answer, { name }: RowNamespace): string[] =>
  objectsAt(json, 'items').map(item => (textAt(objectAt(item, 'metadata'), 'name') ?? '').slice(name.length + 1));

const make = async (ns: RowNamespace, labels: Readonly<Record<string, JsonObject>>): Promise<void> => {
  for (const [name, more] of Object.entries(labels)) {
    await given(ns, configMap({}, { name: `${ns.name}-${name}`, labels: { row: ns.name, ...more } }));
  }
};

const shops = { b: { app: 'web', tier: 'front' }, a: { app: 'api' }, c: { app: 'db', legacy: '' } };

const bySelector: readonly (readonly [selector: string, expected: JsonValue])[] = [
  ['app=web', ['b']],
  ['app==web', ['b']],
  ['app!=web', ['a', 'c']],
  ['app in (web,api)', ['a', 'b']],
  ['app notin (web, api)', ['c']],
  ['tier notin (front)', ['a', 'c']],
  ['legacy', ['c']],
  ['!legacy', ['a', 'b']],
  ['legacy=', ['c']],
  ['app=web,tier=front', ['b']],
  ['app,!tier', ['a', 'c']],
];

const others: readonly Row[] = [
  {
    title: 'a list is in the order of names, with a version, and its items name neither kind nor version',
    run: async ns => {
      await make(ns, shops);
      const answer = await list(ns);
      const { kind = '', apiVersion = '', metadata = {} } = answer.json;
      const [first = {}] = objectsAt(answer.json, 'items');
      return [kind, apiVersion, Object.keys(objectAt(metadata)), names(answer, ns), Object.keys(first).sort()];
    },
    expected: ['ConfigMapList', 'v1', ['resourceVersion'], ['a', 'b', 'c'], ['metadata']],
  },
  {
    title: 'a list by name and by other than a name',
    run: async ns => {
      await make(ns, shops);
      return [
        names(await list(ns, { fieldSelector: `metadata.name=${ns.name}-a` }), ns),
        names(await list(ns, { fieldSelector: `metadata.name!=${ns.name}-a` }), ns),
        names(await list(ns, { fieldSelector: `metadata.namespace=other` }), ns),
      ];
    },
    expected: [['a'], ['b', 'c'], []],
  },
  {
    title: 'pods by phase and node, Secrets by type',
    run: async ns => {
      await given(ns, account);
      await given(ns, pod(ns));
      await given(ns, secret({ type: 'example.com/own', metadata: { name: ns.name } }));
      const found = async (kind: 'Pod' | 'Secret', fieldSelector: string): Promise<number> => {
        const answer = await ns.api.send({ method: 'GET', path: all(ns, kind), query: { fieldSelector } });
        return objectsAt(answer.json, 'items').filter(item => objectAt(item, 'metadata').name === ns.name).length;
      };
      return [
        await found('Pod', 'status.phase=Pending'),
        await found('Pod', 'status.phase=Running'),
        await found('Pod', 'spec.nodeName='),
        await found('Secret', 'type=example.com/own'),
        await found('Secret', 'type!=example.com/own'),
      ];
    },
    expected: [1, 0, 1, 1, 0],
  },
  {
    title: 'a limit gives pages, each with a continue token and the number of remaining items',
    run: async ns => {
      await make(ns, shops);
      const namesake = { fieldSelector: 'metadata.namespace=' + ns.namespace };
      const first = await list(ns, { limit: '2', ...namesake });
      const { continue: next = '', ...rest } = objectAt(first.json, 'metadata');
      const second = await list(ns, { limit: '2', continue: asText(next), ...namesake });
      return [
        [names(first, ns), next !== '', Object.keys(rest).sort()],
        [names(second, ns), Object.keys(objectAt(second.json, 'metadata'))],
        versionOf(first) === versionOf(second),
      ];
    },
    expected: [[['a', 'b'], true, ['resourceVersion']], [['c'], ['resourceVersion']], true],
  },
  {
    title: 'the pages of a list do not see what came in between',
    run: async ns => {
      await make(ns, shops);
      const first = await list(ns, { limit: '2' });
      await make(ns, { d: {} });
      await remove(ns, at(ns, 'ConfigMap', `${ns.name}-c`));
      const next = textAt(objectAt(first.json, 'metadata'), 'continue') ?? '';
      return names(await list(ns, { limit: '2', continue: next }), ns);
    },
    expected: ['c'],
  },
  {
    title: 'a limit that is not reached gives no continue token',
    run: async ns => {
      await make(ns, shops);
      const answer = await list(ns, { limit: '3' });
      return [names(answer, ns), Object.keys(objectAt(answer.json, 'metadata'))];
    },
    expected: [['a', 'b', 'c'], ['resourceVersion']],
  },
  {
    title: 'an invalid continue token is 400',
    run: async ns => {
      const answer = verdict(await list(ns, { limit: '1', continue: 'nonsense' }));
      return { ...answer, message: asText(answer.message).split(':')[0] ?? '' };
    },
    expected: { status: 400, reason: 'BadRequest', message: 'invalid continue token' },
  },
  {
    title: 'a list of exactly an earlier version shows what was there then',
    run: async ns => {
      await make(ns, { a: {} });
      const before = versionOf(await list(ns));
      await make(ns, { b: {} });
      const answer = await list(ns, { resourceVersion: before, resourceVersionMatch: 'Exact' });
      return [names(answer, ns), versionOf(answer) === before];
    },
    expected: [['a'], true],
  },
  {
    title: 'a list not older than a version, or of any, shows what is there',
    run: async ns => {
      await make(ns, { a: {} });
      const before = versionOf(await list(ns));
      await make(ns, { b: {} });
      const current = versionOf(await list(ns));
      const answer = await list(ns, { resourceVersion: before });
      return [names(answer, ns), Number(versionOf(answer)) >= Number(current)];
    },
    expected: [['a', 'b'], true],
  },
  {
    title: 'a match of versions without a version is refused',
    run: async ns => [
      verdict(await list(ns, { resourceVersionMatch: 'Exact' })),
      verdict(await list(ns, { resourceVersionMatch: 'Exact', resourceVersion: '0' })),
      verdict(await list(ns, { resourceVersionMatch: 'Newest', resourceVersion: '1' })),
    ],
    expected: [
      {
        status: 422,
        reason: 'Invalid',
        message:
          'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
        details: { group: 'meta.k8s.io', kind: 'ListOptions' },
        causes: ['FieldValueForbidden resourceVersionMatch'],
      },
      {
        status: 422,
        reason: 'Invalid',
        message:
          'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
        details: { group: 'meta.k8s.io', kind: 'ListOptions' },
        causes: ['FieldValueForbidden resourceVersionMatch'],
      },
      {
        status: 422,
        reason: 'Invalid',
        message:
          'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Unsupported value: "Newest": supported values: "Exact", "NotOlderThan", ""',
        details: { group: 'meta.k8s.io', kind: 'ListOptions' },
        causes: ['FieldValueNotSupported resourceVersionMatch'],
      },
    ],
  },
  {
    title: 'a list of exactly a version that is no longer kept is 410',
    run: async ns => {
      const answer = verdict(await list(ns, { resourceVersion: '1', resourceVersionMatch: 'Exact' }));
      return { ...answer, message: asText(answer.message).replaceAll(/\d+/g, 'N') };
    },
    expected: { status: 410, reason: 'Expired', message: 'The resourceVersion for the provided list is too old.' },
  },
];

export const listRows: readonly Row[] = [
  ...bySelector.map(([selector, expected]): Row => ({
    title: `the selector "${selector}" selects`,
    run: async ns => {
      await make(ns, shops);
      return names(await list(ns, { labelSelector: `row=${ns.name},${selector}` }), ns);
    },
    expected,
  })),
  ...others,
];
