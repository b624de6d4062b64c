import { clone, objectAt, type JsonObject, type JsonValue } from '../../../sandbox/api/schema/json.js';
import {
  apply,
  at,
  create,
  deployment,
  metadataOf,
  outcome,
  patch,
  replace,
  type Row,
  type RowNamespace,
} from '../../support/conformance/api-row.js';

/** Puts fields into the entry of the applier, which makes it their owner. `add`: below `f:spec`. */
async function claim(ns: RowNamespace, add: JsonObject): Promise<JsonValue> {
  const live = (await ns.api.get(at(ns, 'Deployment'))).json;
  const entries = (metadataOf({ json: live }).managedFields ?? []) as JsonObject[];
  const changed = entries.map(entry => {
    if (entry.manager !== 'cutover') return entry;
    const next = clone(entry);
    const spec = objectAt(next, 'fieldsV1', 'f:spec') as Record<string, JsonValue>;
    for (const [name, below] of Object.entries(add)) spec[name] = deepMerged(spec[name], below ?? {});
    return next;
  });
  const body = [{ op: 'replace', path: '/metadata/managedFields', value: changed }];
  return outcome(await patch(ns, at(ns, 'Deployment'), { type: 'json', body, query: { fieldManager: 'cutover' } }));
}

function deepMerged(one: JsonValue | undefined, other: JsonValue): JsonValue {
  if (one === undefined) return other;
  const result: Record<string, JsonValue> = { ...(one as JsonObject as Record<string, JsonValue>) };
  for (const [name, below] of Object.entries(other as JsonObject)) result[name] = deepMerged(result[name], below ?? {});
  return result;
}

const forbidden = (field: string, why: string): string =>
  `422 Deployment.apps "web" is invalid: ${field}: Forbidden: ${why}`;

/** An apply that exchanges one member of a union: refused, then accepted once the applier owns the member that it replaces. */
const exchanged = async (
  ns: RowNamespace,
  from: JsonObject,
  { to, owned }: { readonly to: JsonObject; readonly owned: JsonObject },
): Promise<JsonValue> => {
  await apply(ns, from);
  const refused = outcome(await apply(ns, to, { dryRun: true }));
  const claimed = await claim(ns, owned);
  const done = await apply(ns, to);
  return [refused, claimed, outcome(done), objectAt(done.json, 'spec')];
};

/** Server-side apply and fields of which only some may be set together. */
export const unionRows: readonly Row[] = [
  {
    title: 'Recreate is refused beside a rollingUpdate that was filled in, and accepted once the applier owns it',
    run: async ns => {
      const seen = await exchanged(ns, deployment(), {
        to: deployment({ strategy: { type: 'Recreate' } }),
        owned: { 'f:strategy': { 'f:rollingUpdate': { '.': {}, 'f:maxSurge': {}, 'f:maxUnavailable': {} } } },
      });
      const [refused, claimed, done, spec] = seen as readonly JsonValue[];
      return [refused ?? '', claimed ?? '', done ?? '', (spec as JsonObject).strategy ?? ''];
    },
    expected: [
      forbidden('spec.strategy.rollingUpdate', "may not be specified when strategy `type` is 'Recreate'"),
      200,
      200,
      { type: 'Recreate' },
    ],
  },
  {
    title:
      'another source of a volume is refused beside an emptyDir that was filled in, and accepted once the applier owns it',
    run: async ns => {
      const key = 'k:{"name":"scratch"}';
      const volume = (source: JsonObject): JsonObject =>
        deployment({}, {}, { volumes: [{ name: 'scratch', ...source }] });
      const seen = await exchanged(ns, volume({}), {
        to: volume({ configMap: { name: 'settings' } }),
        owned: { 'f:template': { 'f:spec': { 'f:volumes': { [key]: { 'f:emptyDir': {} } } } } },
      });
      const [refused, claimed, done, spec] = seen as readonly JsonValue[];
      const volumes = objectAt(spec, 'template', 'spec').volumes ?? [];
      return [refused ?? '', claimed ?? '', done ?? '', volumes];
    },
    expected: [
      forbidden('spec.template.spec.volumes[0].configMap', 'may not specify more than 1 volume type'),
      200,
      200,
      [{ name: 'scratch', configMap: { name: 'settings', defaultMode: 420 } }],
    ],
  },
  {
    title: 'a handler that the applier drops goes with everything that was filled into it',
    run: async ns => {
      const probe = (readinessProbe: JsonObject): JsonObject => deployment({}, { readinessProbe });
      await apply(ns, probe({ httpGet: { path: '/', port: 8080 } }));
      const done = await apply(ns, probe({ tcpSocket: { port: 8080 } }));
      const containers = objectAt(done.json, 'spec', 'template', 'spec').containers as readonly JsonObject[];
      return [outcome(done), Object.keys(objectAt(containers[0] ?? {}, 'readinessProbe')).sort()];
    },
    expected: [200, ['failureThreshold', 'periodSeconds', 'successThreshold', 'tcpSocket', 'timeoutSeconds']],
  },
  {
    title: 'a dry run of a PUT accepts what an apply of the same content is refused, and stores nothing',
    run: async ns => {
      const variable = (entry: JsonObject): JsonObject => deployment({}, { env: [{ name: 'LEVEL', ...entry }] });
      const from = { configMapKeyRef: { name: 'settings', key: 'LEVEL' } };
      await create(ns, variable({ value: 'info' }));
      const refused = outcome(await apply(ns, variable({ valueFrom: from }), { dryRun: true, force: true }));
      const put = await replace(ns, variable({ valueFrom: from }), { dryRun: 'All', fieldManager: 'cutover' });
      const live = await ns.api.get(at(ns, 'Deployment'));
      const containers = objectAt(live.json, 'spec', 'template', 'spec').containers as readonly JsonObject[];
      return [refused, outcome(put), containers[0]?.env ?? []];
    },
    expected: [
      '422 Deployment.apps "web" is invalid: spec.template.spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
      200,
      [{ name: 'LEVEL', value: 'info' }],
    ],
  },
];
