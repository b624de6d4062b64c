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
  type Place,
  type Row,
} from '../../support/conformance/api-row.js';

const list = (place: Place, query: Readonly<Record<string, string>> = {}): Promise<Answer> =>
  place.api.send({
    method: 'GET',
    path: all(place, 'ConfigMap'),
    query: { labelSelector: `row=${place.name}`, ...query },
  });

/** Names in the order they came in, without the row's own part. */
const names = ({ json }: Answer, { name }: Place): string[] =>
  objectsAt(json, 'items').map(item => (textAt(objectAt(item, 'metadata'), 'name') ?? '').slice(name.length + 1));

const make = async (place: Place, labels: Readonly<Record<string, JsonObject>>): Promise<void> => {
  for (const [name, more] of Object.entries(labels)) {
    await given(place, configMap({}, { name: `${place.name}-${name}`, labels: { row: place.name, ...more } }));
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
    run: async place => {
      await make(place, shops);
      const answer = await list(place);
      const { kind = '', apiVersion = '', metadata = {} } = answer.json;
      const [first = {}] = objectsAt(answer.json, 'items');
      return [kind, apiVersion, Object.keys(objectAt(metadata)), names(answer, place), Object.keys(first).sort()];
    },
    expected: ['ConfigMapList', 'v1', ['resourceVersion'], ['a', 'b', 'c'], ['metadata']],
  },
  {
    title: 'a list by name and by other than a name',
    run: async place => {
      await make(place, shops);
      return [
        names(await list(place, { fieldSelector: `metadata.name=${place.name}-a` }), place),
        names(await list(place, { fieldSelector: `metadata.name!=${place.name}-a` }), place),
        names(await list(place, { fieldSelector: `metadata.namespace=other` }), place),
      ];
    },
    expected: [['a'], ['b', 'c'], []],
  },
  {
    title: 'pods by phase and node, Secrets by type',
    run: async place => {
      await given(place, account);
      await given(place, pod(place));
      await given(place, secret({ type: 'example.com/own', metadata: { name: place.name } }));
      const found = async (kind: 'Pod' | 'Secret', fieldSelector: string): Promise<number> => {
        const answer = await place.api.send({ method: 'GET', path: all(place, kind), query: { fieldSelector } });
        return objectsAt(answer.json, 'items').filter(item => objectAt(item, 'metadata').name === place.name).length;
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
    title: 'a limit gives pages, each with the way to the next and how many are left',
    run: async place => {
      await make(place, shops);
      const namesake = { fieldSelector: 'metadata.namespace=' + place.namespace };
      const first = await list(place, { limit: '2', ...namesake });
      const { continue: next = '', ...rest } = objectAt(first.json, 'metadata');
      const second = await list(place, { limit: '2', continue: asText(next), ...namesake });
      return [
        [names(first, place), next !== '', Object.keys(rest).sort()],
        [names(second, place), Object.keys(objectAt(second.json, 'metadata'))],
        versionOf(first) === versionOf(second),
      ];
    },
    expected: [[['a', 'b'], true, ['resourceVersion']], [['c'], ['resourceVersion']], true],
  },
  {
    title: 'the pages of a list do not see what came in between',
    run: async place => {
      await make(place, shops);
      const first = await list(place, { limit: '2' });
      await make(place, { d: {} });
      await remove(place, at(place, 'ConfigMap', `${place.name}-c`));
      const next = textAt(objectAt(first.json, 'metadata'), 'continue') ?? '';
      return names(await list(place, { limit: '2', continue: next }), place);
    },
    expected: ['c'],
  },
  {
    title: 'a limit that is not reached says nothing of more',
    run: async place => {
      await make(place, shops);
      const answer = await list(place, { limit: '3' });
      return [names(answer, place), Object.keys(objectAt(answer.json, 'metadata'))];
    },
    expected: [['a', 'b', 'c'], ['resourceVersion']],
  },
  {
    title: 'a way to the next page that cannot be read is 400',
    run: async place => {
      const answer = verdict(await list(place, { limit: '1', continue: 'nonsense' }));
      return { ...answer, message: asText(answer.message).split(':')[0] ?? '' };
    },
    expected: { status: 400, reason: 'BadRequest', message: 'invalid continue token' },
  },
  {
    title: 'a list of exactly an earlier version shows what was there then',
    run: async place => {
      await make(place, { a: {} });
      const before = versionOf(await list(place));
      await make(place, { b: {} });
      const answer = await list(place, { resourceVersion: before, resourceVersionMatch: 'Exact' });
      return [names(answer, place), versionOf(answer) === before];
    },
    expected: [['a'], true],
  },
  {
    title: 'a list not older than a version, or of any, shows what is there',
    run: async place => {
      await make(place, { a: {} });
      const before = versionOf(await list(place));
      await make(place, { b: {} });
      const current = versionOf(await list(place));
      const answer = await list(place, { resourceVersion: before });
      return [names(answer, place), Number(versionOf(answer)) >= Number(current)];
    },
    expected: [['a', 'b'], true],
  },
  {
    title: 'a match of versions without a version is refused',
    run: async place => [
      verdict(await list(place, { resourceVersionMatch: 'Exact' })),
      verdict(await list(place, { resourceVersionMatch: 'Exact', resourceVersion: '0' })),
      verdict(await list(place, { resourceVersionMatch: 'Newest', resourceVersion: '1' })),
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
    run: async place => {
      const answer = verdict(await list(place, { resourceVersion: '1', resourceVersionMatch: 'Exact' }));
      return { ...answer, message: asText(answer.message).replaceAll(/\d+/g, 'N') };
    },
    expected: { status: 410, reason: 'Expired', message: 'The resourceVersion for the provided list is too old.' },
  },
];

export const listRows: readonly Row[] = [
  ...bySelector.map(([selector, expected]): Row => ({
    title: `the selector "${selector}" selects`,
    run: async place => {
      await make(place, shops);
      return names(await list(place, { labelSelector: `row=${place.name},${selector}` }), place);
    },
    expected,
  })),
  ...others,
];
