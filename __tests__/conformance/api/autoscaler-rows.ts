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
  all,
  apply,
  at,
  autoscaler,
  given,
  metadataOf,
  outcome,
  patch,
  remove,
  verdict,
  withName,
  type Row,
  type RowNamespace,
} from '../../support/conformance/api-row.js';

const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'none' };
const prefix = 'autoscaling.alpha.kubernetes.io/';

const inV1 = (path: string): string => path.replace('/v2/', '/v1/');
const v1At = (ns: RowNamespace): string => inV1(at(ns, 'HorizontalPodAutoscaler'));
const v2At = (ns: RowNamespace): string => at(ns, 'HorizontalPodAutoscaler');

function v1(spec: JsonObject = {}, metadata: JsonObject = {}): JsonObject {
  return { ...autoscaler(spec), apiVersion: 'autoscaling/v1', metadata };
}

const createV1 = (ns: RowNamespace, object: JsonObject): Promise<Answer> =>
  ns.api.send({
    method: 'POST',
    path: inV1(all(ns, 'HorizontalPodAutoscaler')),
    query: { fieldManager: 'maker' },
    body: withName(ns, object),
  });

const applyV1 = (ns: RowNamespace, object: JsonObject, options: Parameters<typeof apply>[2] = {}): Promise<Answer> =>
  ns.api.apply(v1At(ns), withName(ns, object), options);

const specAt = async ({ api }: RowNamespace, path: string): Promise<JsonObject> =>
  objectAt((await api.get(path)).json, 'spec');

/** The annotations of v1 that come from the spec; the controller fills those of the status. */
function carried({ json }: Pick<Answer, 'json'>): JsonObject {
  const annotations = objectAt(json, 'metadata', 'annotations');
  const read = (name: string): JsonValue => JSON.parse(textAt(annotations, `${prefix}${name}`) ?? 'null') as JsonValue;
  return { metrics: read('metrics'), behavior: read('behavior') };
}

const ofCpu = (averageUtilization: number): JsonObject => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
});
const ofMemory = {
  type: 'Resource',
  resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '100Mi' } },
};
const rules = (value: number): JsonObject => ({
  policies: [{ type: 'Pods', value, periodSeconds: 15 }],
  selectPolicy: 'Max',
  stabilizationWindowSeconds: 60,
});
const behavior = { scaleDown: rules(1), scaleUp: rules(2) };

/** Who owns which fields of the spec, in which version. */
const owners = (answer: Answer): JsonValue[] =>
  objectsAt(metadataOf(answer), 'managedFields')
    .filter(entry => entry.subresource === undefined)
    .map(entry => [
      `${asText(entry.manager)} ${asText(entry.operation)} ${asText(entry.apiVersion)}`,
      ...Object.keys(objectAt(entry, 'fieldsV1', 'f:spec')).sort(),
    ])
    .sort();

const reads: readonly Row[] = [
  {
    title: 'both versions of autoscalers are served, v2 first',
    run: async ({ api }) => {
      const group = (await api.get('/apis/autoscaling')).json;
      const { json } = await api.get('/apis/autoscaling/v1');
      const served = objectsAt(json, 'resources').map(({ name, kind, shortNames, categories }) =>
        [name, kind, shortNames, categories].flatMap(value => value ?? []),
      );
      return [
        objectsAt(group, 'versions').map(({ groupVersion }) => groupVersion ?? ''),
        objectAt(group, 'preferredVersion').groupVersion ?? '',
        ...served,
      ];
    },
    expected: [
      ['autoscaling/v2', 'autoscaling/v1'],
      'autoscaling/v2',
      ['horizontalpodautoscalers', 'HorizontalPodAutoscaler', 'hpa', 'all'],
      ['horizontalpodautoscalers/status', 'HorizontalPodAutoscaler'],
    ],
  },
  {
    title: 'an autoscaler made in v1 is one object in both versions',
    run: async ns => {
      const made = await createV1(ns, v1({ targetCPUUtilizationPercentage: 60 }));
      const { json } = await ns.api.get(v2At(ns));
      const same = metadataOf(made).uid === metadataOf({ json }).uid;
      return [
        made.status,
        made.json.apiVersion ?? '',
        made.json.spec ?? '',
        json.apiVersion ?? '',
        json.spec ?? '',
        same,
      ];
    },
    expected: [
      201,
      'autoscaling/v1',
      { scaleTargetRef, minReplicas: 1, maxReplicas: 3, targetCPUUtilizationPercentage: 60 },
      'autoscaling/v2',
      { scaleTargetRef, minReplicas: 1, maxReplicas: 3, metrics: [ofCpu(60)] },
      true,
    ],
  },
  {
    title: 'an autoscaler made in v1 without a metric gets 80 % of the CPU',
    run: async ns => {
      const { json } = await createV1(ns, v1());
      return [
        objectAt(json, 'spec').targetCPUUtilizationPercentage ?? 'none',
        (await specAt(ns, v2At(ns))).metrics ?? '',
      ];
    },
    expected: [80, [ofCpu(80)]],
  },
  {
    title: 'what v1 has no field for, it shows in annotations that v2 does not have',
    run: async ns => {
      const made = await given(ns, autoscaler({ metrics: [ofMemory, ofCpu(70)], behavior }));
      const read = await ns.api.get(v1At(ns));
      const shown = carried(read);
      const down = objectAt(shown, 'behavior', 'ScaleDown');
      const names = Object.keys(objectAt(made, 'metadata', 'annotations'));
      return [
        read.json.spec ?? '',
        shown.metrics ?? '',
        [down.StabilizationWindowSeconds ?? '', down.SelectPolicy ?? '', down.Policies ?? ''],
        names.filter(name => name.startsWith(prefix)),
      ];
    },
    expected: [
      { scaleTargetRef, minReplicas: 1, maxReplicas: 3, targetCPUUtilizationPercentage: 70 },
      [{ type: 'Resource', resource: { name: 'memory', targetAverageValue: '100Mi' } }],
      [60, 'Max', [{ Type: 'Pods', Value: 1, PeriodSeconds: 15 }]],
      [],
    ],
  },
  {
    title: 'an autoscaler by memory alone has no CPU in v1',
    run: async ns => {
      await given(ns, autoscaler({ metrics: [ofMemory] }));
      return specAt(ns, v1At(ns));
    },
    expected: { scaleTargetRef, minReplicas: 1, maxReplicas: 3 },
  },
  {
    title: 'the annotations of v1 become metrics and behavior, the CPU last',
    run: async ns => {
      const metrics = [{ type: 'Pods', pods: { metricName: 'requests', targetAverageValue: '10' } }];
      const shown = (value: number): JsonObject => ({
        StabilizationWindowSeconds: 60,
        SelectPolicy: 'Max',
        Policies: [{ Type: 'Pods', Value: value, PeriodSeconds: 15 }],
      });
      const annotations = {
        note: 'kept',
        [`${prefix}metrics`]: JSON.stringify(metrics),
        [`${prefix}behavior`]: JSON.stringify({ ScaleUp: shown(2), ScaleDown: shown(1) }),
      };
      await createV1(ns, v1({ targetCPUUtilizationPercentage: 60 }, { annotations }));
      const { json } = await ns.api.get(v2At(ns));
      const spec = objectAt(json, 'spec');
      return [spec.metrics ?? '', spec.behavior ?? '', objectAt(json, 'metadata').annotations ?? 'none'];
    },
    expected: [
      [
        { type: 'Pods', pods: { metric: { name: 'requests' }, target: { type: 'AverageValue', averageValue: '10' } } },
        ofCpu(60),
      ],
      behavior,
      { note: 'kept' },
    ],
  },
  {
    title: 'an annotation of v1 that cannot be read is dropped',
    run: async ns => {
      await createV1(ns, v1({}, { annotations: { [`${prefix}metrics`]: 'memory' } }));
      const { json } = await ns.api.get(v2At(ns));
      return [objectAt(json, 'spec').metrics ?? '', objectAt(json, 'metadata').annotations ?? 'none'];
    },
    expected: [[ofCpu(80)], 'none'],
  },
  {
    title: 'a list in v1 has what was made in v2',
    run: async ns => {
      await given(ns, autoscaler({ metrics: [ofCpu(50)] }));
      const { json } = await ns.api.get(inV1(all(ns, 'HorizontalPodAutoscaler')));
      const found = objectsAt(json, 'items').find(item => objectAt(item, 'metadata').name === ns.name) ?? {};
      return [json.apiVersion ?? '', objectAt(found, 'spec').targetCPUUtilizationPercentage ?? 'none'];
    },
    expected: ['autoscaling/v1', 50],
  },
];

const writes: readonly Row[] = [
  {
    title: 'a patch of the CPU in v1 changes the metric in v2 and leaves the others',
    run: async ns => {
      await given(ns, autoscaler({ metrics: [ofMemory, ofCpu(70)], behavior }));
      const answer = await patch(ns, v1At(ns), { body: { spec: { targetCPUUtilizationPercentage: 40 } } });
      const spec = await specAt(ns, v2At(ns));
      return [answer.status, spec.metrics ?? '', spec.behavior ?? ''];
    },
    expected: [200, [ofMemory, ofCpu(40)], behavior],
  },
  {
    title: 'a deletion in v1 deletes what was made in v2',
    run: async ns => {
      await given(ns, autoscaler());
      const { status } = await remove(ns, v1At(ns));
      return [status, outcome(await ns.api.get(v2At(ns)))];
    },
    expected: [200, '404 horizontalpodautoscalers.autoscaling "web" not found'],
  },
  {
    title: 'v1 has no field for metrics',
    run: ns => applyV1(ns, v1({ metrics: [ofMemory] })).then(verdict),
    expected: {
      status: 500,
      message:
        'failed to create typed patch object (/web; autoscaling/v1, Kind=HorizontalPodAutoscaler): .spec.metrics: field not declared in schema',
    },
  },
  {
    title: 'a mistake in v1 is refused as in v2',
    run: async ns => outcome(await createV1(ns, v1({ minReplicas: 5 }))),
    expected:
      '422 HorizontalPodAutoscaler.autoscaling "web" is invalid: spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`',
  },
  {
    title: 'an apply through either version owns the fields of that version',
    run: async ns => {
      await applyV1(ns, v1({ targetCPUUtilizationPercentage: 60 }), { manager: 'one' });
      return owners(await apply(ns, autoscaler({ metrics: [ofCpu(60)] }), { manager: 'two' }));
    },
    expected: [
      ['one Apply autoscaling/v1', 'f:maxReplicas', 'f:scaleTargetRef', 'f:targetCPUUtilizationPercentage'],
      ['two Apply autoscaling/v2', 'f:maxReplicas', 'f:metrics', 'f:scaleTargetRef'],
    ],
  },
  {
    title: 'what was made in v1 is owned in the fields of v1, with what was filled in',
    run: async ns => owners(await createV1(ns, v1())),
    expected: [
      [
        'maker Update autoscaling/v1',
        'f:maxReplicas',
        'f:minReplicas',
        'f:scaleTargetRef',
        'f:targetCPUUtilizationPercentage',
      ],
    ],
  },
  {
    title: 'an apply of metrics in v2 conflicts with the CPU of v1',
    run: async ns => {
      await applyV1(ns, v1({ targetCPUUtilizationPercentage: 60 }), { manager: 'one' });
      return verdict(await apply(ns, autoscaler({ metrics: [ofCpu(70)] }), { manager: 'two' }));
    },
    expected: {
      status: 409,
      reason: 'Conflict',
      message: 'Apply failed with 1 conflict: conflict with "one": .spec.targetCPUUtilizationPercentage',
      causes: ['FieldManagerConflict .spec.targetCPUUtilizationPercentage'],
    },
  },
  {
    title: 'an apply of the CPU in v1 conflicts with the metrics of v2',
    run: async ns => {
      await given(ns, autoscaler({ metrics: [ofMemory, ofCpu(60)] }));
      return verdict(await applyV1(ns, v1({ targetCPUUtilizationPercentage: 70 })));
    },
    expected: {
      status: 409,
      reason: 'Conflict',
      message: 'Apply failed with 1 conflict: conflict with "maker" using autoscaling/v2: .spec.metrics',
      causes: ['FieldManagerConflict .spec.metrics'],
    },
  },
  {
    title: 'force takes the CPU of v1 from its owner, who keeps the rest',
    run: async ns => {
      await applyV1(ns, v1({ targetCPUUtilizationPercentage: 60 }), { manager: 'one' });
      return owners(await apply(ns, autoscaler({ metrics: [ofCpu(70)] }), { manager: 'two', force: true }));
    },
    expected: [
      ['one Apply autoscaling/v1', 'f:maxReplicas', 'f:scaleTargetRef'],
      ['two Apply autoscaling/v2', 'f:maxReplicas', 'f:metrics', 'f:scaleTargetRef'],
    ],
  },
  {
    title: 'an apply in v1 leaves the metrics and behavior that others set in v2',
    run: async ns => {
      await given(ns, autoscaler({ metrics: [ofMemory], behavior }));
      const { status } = await applyV1(ns, v1());
      const spec = await specAt(ns, v2At(ns));
      return [status, spec.metrics ?? '', spec.behavior ?? ''];
    },
    expected: [200, [ofMemory], behavior],
  },
  {
    title: 'who applies in v2 after v1 gives up what the new manifest leaves out',
    run: async ns => {
      await applyV1(ns, v1({ minReplicas: 2, targetCPUUtilizationPercentage: 60 }));
      const answer = await apply(ns, autoscaler({ metrics: [ofMemory] }));
      return [answer.status, objectAt(answer.json, 'spec'), ...owners(answer)];
    },
    expected: [
      200,
      { scaleTargetRef, minReplicas: 1, maxReplicas: 3, metrics: [ofMemory] },
      ['cutover Apply autoscaling/v2', 'f:maxReplicas', 'f:metrics', 'f:scaleTargetRef'],
    ],
  },
];

export const autoscalerRows: readonly Row[] = [...reads, ...writes];
