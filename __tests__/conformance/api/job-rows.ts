import { childOf, clone, erase, objectAt, type JsonObject, type JsonValue } from '../../../sandbox/api/schema/json.js';
import {
  at,
  create,
  given,
  job,
  metadataOf,
  remove,
  template,
  verdict,
  type Row,
  type RowNamespace,
} from '../../support/conformance/api-row.js';

const uidLabel = 'batch.kubernetes.io/controller-uid';
const generated = [uidLabel, 'batch.kubernetes.io/job-name', 'controller-uid', 'job-name'];

/** A Job as its manifest is exported, and the uid that it had: it is deleted. */
interface Exported {
  readonly manifest: JsonObject;
  readonly uid: JsonValue;
}

async function exported(ns: RowNamespace): Promise<Exported> {
  const made = await given(ns, job());
  const { status } = await remove(ns, at(ns, 'Job'), { propagationPolicy: 'Background' });
  if (status !== 200) throw new Error(`${status}`);
  const { apiVersion = '', kind = '', spec = {} } = made;
  const { labels = {}, uid = '' } = objectAt(made, 'metadata');
  return { manifest: clone({ apiVersion, kind, metadata: { labels }, spec }), uid };
}

const podLabels = (object: JsonObject): JsonObject => objectAt(object, 'spec', 'template', 'metadata', 'labels');
const selected = (object: JsonObject): JsonObject => objectAt(object, 'spec', 'selector', 'matchLabels');

/** Without its selector, or without the labels of its pods that the API server generated. */
const without = {
  selector: (object: JsonObject): void => erase(childOf(object, 'spec'), 'selector'),
  labels: (object: JsonObject): void => generated.forEach(label => erase(podLabels(object), label)),
};

/** Makes the Job again without some of what was exported; the answer without the text of the error. */
async function refused(ns: RowNamespace, ...changes: ((object: JsonObject) => void)[]): Promise<JsonValue> {
  const { manifest } = await exported(ns);
  for (const change of changes) change(manifest);
  const { status = 0, causes = 'none' } = verdict(await create(ns, manifest));
  return [status, causes];
}

export const jobRows: readonly Row[] = [
  {
    title: 'a Job made again as it was exported is refused: its selector and labels name the deleted one',
    run: ns => refused(ns),
    expected: [
      422,
      [
        'FieldValueInvalid spec.selector',
        `FieldValueInvalid spec.template.metadata.labels[${uidLabel}]`,
        'FieldValueInvalid spec.template.metadata.labels[controller-uid]',
      ],
    ],
  },
  {
    title: 'a Job made again with the exported labels of its pods is refused: a new selector does not match them',
    run: ns => refused(ns, without.selector),
    expected: [
      422,
      [
        'FieldValueInvalid spec.template.metadata.labels',
        `FieldValueInvalid spec.template.metadata.labels[${uidLabel}]`,
        'FieldValueInvalid spec.template.metadata.labels[controller-uid]',
      ],
    ],
  },
  {
    title: 'a Job made again with its exported selector is refused: new labels do not match it',
    run: ns => refused(ns, without.labels),
    expected: [422, ['FieldValueInvalid spec.selector', 'FieldValueInvalid spec.template.metadata.labels']],
  },
  {
    title: 'a Job made again without both is named by its new uid, and keeps the labels of its own that it brings',
    run: async ns => {
      const { manifest, uid: before } = await exported(ns);
      without.selector(manifest);
      without.labels(manifest);
      const sent = clone(objectAt(manifest, 'metadata', 'labels'));
      const answer = await create(ns, manifest);
      const { uid = '' } = metadataOf(answer);
      const labels = podLabels(answer.json);
      return [
        answer.status,
        uid !== before,
        selected(answer.json)[uidLabel] === uid,
        labels[uidLabel] === uid && labels['controller-uid'] === uid,
        sent[uidLabel] === before && objectAt(metadataOf(answer), 'labels')[uidLabel] === before,
      ];
    },
    expected: [201, true, true, true, true],
  },
  {
    title: 'with manualSelector, a Job is made again with its exported selector and labels',
    run: async ns => {
      const { manifest, uid: before } = await exported(ns);
      childOf(manifest, 'spec').manualSelector = true;
      const { status, json } = await create(ns, manifest);
      return [status, selected(json)[uidLabel] === before, podLabels(json)[uidLabel] === before];
    },
    expected: [201, true, true],
  },
  {
    title: 'a selector that a Job brings gets the uid of the Job',
    run: async ns => {
      const { status, json } = await create(ns, job({ selector: { matchLabels: { 'job-name': ns.name } } }));
      return [status, selected(json)];
    },
    expected: [201, { [uidLabel]: 'UID', 'job-name': 'web' }],
  },
  {
    title: 'a Job that selects by another label is refused',
    run: async ns => {
      const pods = template({}, { restartPolicy: 'Never' });
      const { status = 0, causes = 'none' } = verdict(
        await create(ns, job({ selector: { matchLabels: { app: 'web' } }, template: pods })),
      );
      return [status, causes];
    },
    expected: [422, ['FieldValueInvalid spec.selector']],
  },
];
