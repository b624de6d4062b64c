import { shownRef } from './preview.js';
import type { Report, ReportedError } from './report.js';

/** All outputs of a job together may have 1 MB, counted in UTF-16. */
const largest = 200_000;

/**
 * The output `plan`: one JSON object as docs/planning.md describes it. Where it would be too long, first the fields go,
 * then unchanged objects, then the last of every list; `cut` names what went.
 */
export function planJson(report: Report): string | undefined {
  const { preview } = report;
  if (preview === undefined) return undefined;
  const whole = content(report, preview);
  const { objects } = whole;
  const bare = { ...whole, objects: objects.map(object => ({ ...object, fields: [] })) };
  const changing = { ...bare, objects: bare.objects.filter(({ change }) => change !== 'unchanged') };
  for (const [cut, candidate] of [
    [undefined, whole],
    ['fields', bare],
    ['unchanged', changing],
  ] as const) {
    const json = JSON.stringify({ ...candidate, ...(cut !== undefined && { cut }) });
    if (json.length <= largest) return json;
  }
  return JSON.stringify(shortened(changing));
}

function content(report: Report, preview: NonNullable<Report['preview']>) {
  const { release, namespace, strategy, outcome, activeRole, findings = [], error } = report;
  const { revision, role, story, objects, images } = preview;
  return {
    format: 1,
    release,
    namespace,
    strategy,
    changes: outcome !== 'unchanged',
    refused: error !== undefined,
    revision,
    activeRole,
    stageRole: role,
    story,
    objects: objects.map(({ ref, at, when, change, unchecked, fields }) => ({
      ...shownRef(ref),
      change,
      when,
      checked: unchecked === undefined,
      ...(at !== undefined && { file: at.file, line: at.line }),
      fields,
    })),
    images: images.map(({ ref, container, from, to }) => ({ ...shownRef(ref), container, from, to })),
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

type Content = ReturnType<typeof content>;

/** As many items of each list as fit into a fifth of the whole. */
function shortened(plan: Content) {
  const fitting = <T>(items: readonly T[]): readonly T[] => {
    let left = largest / 5 - 1_000;
    return items.filter(item => (left -= JSON.stringify(item).length + 1) >= 0);
  };
  const { story, objects, images, findings, problems } = plan;
  return {
    ...plan,
    story: fitting(story),
    objects: fitting(objects),
    images: fitting(images),
    findings: fitting(findings),
    problems: fitting(problems),
    cut: 'lists',
  };
}
