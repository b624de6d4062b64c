import { where } from '../log.js';
import { describeRef, type ObjectRef } from '../kubernetes/object.js';
import { describeFieldChange } from '../plan/diff.js';
import type { Finding } from '../plan/lint/finding.js';
import type { Preview, PreviewedObject } from '../plan/preview.js';
import { block, code, list, prose, table, text } from './markdown.js';

/** Fields of one object beyond these are only counted. */
const mostFields = 100;

/** What a deploy would do, as sections of the summary. */
export function previewSections({ notes, objects, images, users }: Preview): readonly string[] {
  const rows = objects
    .filter(({ change, unchecked }) => change !== 'unchanged' || unchecked !== undefined)
    .map(one => [
      one.ref.kind,
      code(one.ref.name),
      one.ref.namespace === undefined ? '' : code(one.ref.namespace),
      text(one.unchecked === undefined ? one.change : `${one.change}, not checked`),
      one.when === 'switch' ? 'at the switch' : '',
    ]);
  const same = objects.length - rows.length;
  const warnings = objects.flatMap(({ ref, warnings = [] }) => warnings.map(one => `${describeRef(ref)}: ${one}`));
  const unchecked = [...new Set(objects.flatMap(one => one.unchecked ?? []))];
  return [
    list(notes.map(prose)),
    ...(images.length === 0
      ? []
      : [
          `### Images\n\n${table(
            ['Object', 'Container', 'From', 'To'],
            images.map(({ ref, container, from, to }) => [
              code(describeRef(ref)),
              code(container),
              from === undefined ? '' : code(from),
              code(to),
            ]),
          )}`,
        ]),
    ...(users.length === 0
      ? []
      : [['### What users would get that they do not have', ...users.map(fieldsOf)].join('\n\n')]),
    ['### Objects', ...(rows.length === 0 ? [] : [table(['Kind', 'Name', 'Namespace', 'Change', 'When'], rows)])].join(
      '\n\n',
    ),
    ...(unchecked.length === 0 ? [] : [text(`Not checked: ${unchecked.join('; ')}.`)]),
    ...(same === 0 ? [] : [`${same} ${same === 1 ? 'object stays' : 'objects stay'} unchanged.`]),
    ...(warnings.length === 0 ? [] : [`### Warnings of the API server\n\n${list(warnings.map(text))}`]),
    ...objects.filter(({ fields }) => fields.length > 0).map(fieldsOf),
  ];
}

function fieldsOf({ ref, fields, when, change }: PreviewedObject): string {
  if (change === 'created') return `${text(describeRef(ref))}: new`;
  const shown = fields.slice(0, mostFields).map(describeFieldChange);
  const more = fields.length - shown.length;
  const lines = [...shown, ...(more > 0 ? [`and ${more} more fields`] : [])].join('\n');
  const title = `${describeRef(ref)}${when === 'switch' ? ', at the switch' : ''}: ${fields.length} field${fields.length === 1 ? '' : 's'}`;
  return `<details><summary>${text(title)}</summary>\n\n${block('text', lines)}\n\n</details>`;
}

/** What in the manifests would drop requests, as a section of the summary. */
export function findingsSection(findings: readonly Finding[]): string | undefined {
  if (findings.length === 0) return undefined;
  const rows = findings.map(finding => [
    code(finding.code),
    code(describeRef(finding.object)),
    code(where(finding.at)),
    text(finding.message),
    prose(finding.remedy),
  ]);
  return `### Findings\n\n${table(['Finding', 'Object', 'Where', 'What', 'Remedy'], rows)}`;
}

/** A reference as outputs show it. */
export function shownRef({ kind, namespace, name }: ObjectRef) {
  return { kind, ...(namespace !== undefined && { namespace }), name };
}
