import { fitting } from './json-output.js';
import { shownRef } from './preview.js';
import type { Report, ReportedError } from './report.js';

/**
 * The output `plan`: one JSON object as docs/planning.md describes it. Where it would be too long, first the fields are
 * omitted, then unchanged objects, then the last items of every list; `cut` names what is omitted.
 */
export function planJson(report: Report): string | undefined {
  const { preview } = report;
  if (preview === undefined) return undefined;
  const whole = content(report, preview);
  const { objects, users } = whole;
  const bare = { ...whole, objects: objects.map(withoutFields), users: users.map(withoutFields) };
  const changing = { ...bare, objects: bare.objects.filter(({ change }) => change !== 'unchanged') };
  const shorter = [
    { content: bare, cut: 'fields' },
    { content: changing, cut: 'unchanged' },
  ];
  return fitting(whole, shorter, 'lists');
}

function withoutFields<T extends { readonly fields: readonly unknown[] }>(object: T): T {
  return { ...object, fields: [] };
}

function content(report: Report, preview: NonNullable<Report['preview']>) {
  const { release, namespace, strategy, outcome, activeRole, findings = [], error } = report;
  const { revision, role, notes, objects, images, users } = preview;
  return {
    format: 1,
    release,
    namespace,
    strategy,
    changes: outcome !== 'unchanged',
    refused: error !== undefined,
    revision,
    activeRole,
    stagedRole: role,
    notes,
    objects: objects.map(({ ref, at, when, change, unchecked, warnings, fields }) => ({
      ...shownRef(ref),
      change,
      when,
      checked: unchecked === undefined,
      ...(at !== undefined && { file: at.file, line: at.line }),
      ...(warnings !== undefined && { warnings }),
      fields,
    })),
    images: images.map(({ ref, container, from, to }) => ({ ...shownRef(ref), container, from, to })),
    users: users.map(({ ref, change, fields }) => ({ ...shownRef(ref), change, fields })),
    findings: findings.map(({ code, message, remedy, object, field, at }) => ({
      code,
      message,
      remedy,
      ...shownRef(object),
      field,
      ...at,
    })),
    problems: problemsOf(error).map(({ message, at }) => ({
      message,
      ...(at !== undefined && { file: at.file, line: at.line }),
    })),
  };
}

/** An error without a list is a problem by itself. */
function problemsOf(error: ReportedError | undefined): ReportedError['problems'] {
  if (error === undefined) return [];
  return error.problems.length > 0 ? error.problems : [{ message: error.message }];
}
