import { textAt, type JsonObject, type JsonValue } from '../../../sandbox/api/schema/json.js';
import { configMap, create, given, metadataOf, verdict, type Row } from '../../support/conformance/api-row.js';

const generated = (prefix: string, name?: string): JsonObject =>
  configMap({}, { generateName: prefix, ...(name === undefined ? {} : { name }) });

export const generateNameRows: readonly Row[] = [
  {
    title: 'a generated name is the prefix and five characters that cannot be misread',
    run: async ns => {
      const made = await given(ns, generated(`${ns.name}-`));
      const name = textAt(metadataOf({ json: made }), 'name') ?? '';
      const suffix = name.slice(ns.name.length + 1);
      return [/^[bcdfghjklmnpqrstvwxz2456789]{5}$/.test(suffix), metadataOf({ json: made }).generateName ?? ''];
    },
    expected: [true, 'web-'],
  },
  {
    title: 'two objects of one prefix get two names',
    run: async ns => {
      const [first, second] = await Promise.all([1, 2].map(() => given(ns, generated(`${ns.name}-`))));
      return metadataOf({ json: first ?? {} }).name !== metadataOf({ json: second ?? {} }).name;
    },
    expected: true,
  },
  {
    title: 'a name of its own counts more than the prefix',
    run: async ns => metadataOf({ json: await given(ns, generated('other-', ns.name)) }).name ?? '',
    expected: 'web',
  },
  {
    title: 'a long prefix is cut so that the name fits',
    run: async ns => {
      const answer = await create(ns, generated(`${ns.name}-${'x'.repeat(100)}`));
      return [answer.status, (textAt(metadataOf(answer), 'name') ?? '').length];
    },
    expected: [201, 63],
  },
  {
    title: 'a prefix that makes no name is refused',
    run: async ns => {
      const answer = verdict(await create(ns, generated('Web_')));
      return JSON.parse(JSON.stringify(answer).replaceAll(/Web_[a-z0-9]{5}/g, 'Web_RANDOM')) as JsonValue;
    },
    expected: {
      status: 422,
      reason: 'Invalid',
      message:
        "ConfigMap \"Web_RANDOM\" is invalid: [metadata.generateName: Invalid value: \"Web_\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*'), metadata.name: Invalid value: \"Web_RANDOM\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')]",
      details: { name: 'Web_RANDOM', kind: 'ConfigMap' },
      causes: ['FieldValueInvalid metadata.generateName', 'FieldValueInvalid metadata.name'],
    },
  },
  {
    title: 'a creation without name and prefix is refused',
    run: async ns => verdict(await create(ns, configMap({}, { name: null }))),
    expected: { status: 201 },
  },
];
