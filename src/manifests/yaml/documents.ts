import {
  constructFromEvents,
  CORE_SCHEMA,
  defineScalarTag,
  EVENT_ID,
  intCoreTag,
  mergeTag,
  parseEvents,
  YAMLException,
  type Event,
} from 'js-yaml';
import type { Problem } from '../../errors.js';
import type { Position } from '../../log.js';
import type { ManifestFile } from '../files/find.js';

/** `0644` is octal to Kubernetes, as file modes in manifests expect; the 1.2 core schema would read 644. */
const intTag = defineScalarTag<number>(intCoreTag.tagName, {
  implicit: true,
  implicitFirstChars: intCoreTag.implicitFirstChars,
  resolve: (source, isExplicit, tagName) =>
    /^[-+]?0[0-7]+$/.test(source) ? parseInt(source, 8) : intCoreTag.resolve(source, isExplicit, tagName),
  identify: intCoreTag.identify,
});

/** YAML 1.2 core, merge keys, octal integers: dates and `yes` stay text. */
const schema = CORE_SCHEMA.withTags(mergeTag, intTag);

/** One document of a manifest, parsed but neither substituted nor constructed. */
export interface ManifestDocument {
  readonly file: string;
  /** Text of the document, which the offsets in `events` refer to. */
  readonly source: string;
  readonly events: readonly Event[];
  /** Line and column of an offset into `source`. */
  readonly locate: (offset: number) => Position;
}

/** Everything that was read, and what could not be. */
export interface Manifests {
  /** Files in the order in which they are rendered. */
  readonly files: readonly string[];
  readonly documents: readonly ManifestDocument[];
  /** Syntax errors, one a file; rendering reports them together with its own. */
  readonly problems: readonly Problem[];
}

function locator(file: string, source: string): (offset: number) => Position {
  const starts = [0];
  for (const match of source.matchAll(/\r\n|\r|\n/g)) starts.push(match.index + match[0].length);
  return offset => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { file, line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}

/** A YAML error as a problem; `undefined` for any other error. */
export function yamlProblem(thrown: unknown, locate: (offset: number) => Position): Problem | undefined {
  if (!(thrown instanceof YAMLException)) return undefined;
  return { message: `Not valid YAML: ${thrown.reason}.`, at: locate(thrown.mark?.position ?? 0) };
}

/** What to do with a chart's own files, whose text is YAML only once it is rendered. */
export const templateRemedy = 'Text in {{ }} has to be rendered first, as by `helm template … > manifests.yml`.';

const remedies = [
  { sign: '{{', remedy: templateRemedy },
  { sign: '${', remedy: 'Inside { } and [ ], put text with ${…} in quotes, or write $<NAME>.' },
];

/** As {@link yamlProblem}, with the cause that a template shows most often. */
function syntaxProblem(thrown: unknown, { file, text }: ManifestFile): Problem | undefined {
  const problem = yamlProblem(thrown, locator(file, text));
  const line = problem?.at === undefined ? undefined : text.split(/\r\n|\r|\n/)[problem.at.line - 1];
  const remedy = remedies.find(({ sign }) => line?.includes(sign))?.remedy;
  if (problem === undefined || remedy === undefined) return problem;
  return { ...problem, message: `${problem.message} ${remedy}` };
}

/** Where the text of a document starts: at its root, or the tag or anchor in front of it. */
function startOf([, root]: readonly Event[]): number {
  if (root === undefined || root.type === EVENT_ID.DOCUMENT || root.type === EVENT_ID.POP) return 0;
  if (root.type === EVENT_ID.ALIAS) return root.anchorStart;
  const first = root.type === EVENT_ID.SCALAR ? root.valueStart : root.start;
  return Math.min(...[first, root.anchorStart, root.tagStart].filter(offset => offset !== -1));
}

/** Makes the events of a document count from its start. In place: nobody has seen them yet, and there are many. */
function rebase(events: readonly Event[], start: number): void {
  const moved = (offset: number): number => (offset === -1 ? -1 : offset - start);
  for (const event of events) {
    if (event.type === EVENT_ID.DOCUMENT || event.type === EVENT_ID.POP) continue;
    event.anchorStart = moved(event.anchorStart);
    event.anchorEnd = moved(event.anchorEnd);
    if (event.type === EVENT_ID.ALIAS) continue;
    event.tagStart = moved(event.tagStart);
    event.tagEnd = moved(event.tagEnd);
    if (event.type === EVENT_ID.SCALAR) {
      event.valueStart = moved(event.valueStart);
      event.valueEnd = moved(event.valueEnd);
    } else event.start = moved(event.start);
  }
}

/** The events of each document, cut where a document starts; documents without content are left out. */
function split(events: readonly Event[]): readonly (readonly Event[])[] {
  const documents: Event[][] = [];
  for (const event of events) {
    if (event.type === EVENT_ID.DOCUMENT) documents.push([]);
    documents.at(-1)?.push(event);
  }
  return documents.filter(document => {
    const [, root] = document;
    const empty = root?.type === EVENT_ID.SCALAR && root.valueStart === -1;
    return !empty;
  });
}

/** The documents of a file, each with its own part of the text: what is done to one must not cost the whole file. */
function documentsOf(file: string, text: string): readonly ManifestDocument[] {
  const locate = locator(file, text);
  const documents = split(parseEvents(text, { filename: file }));
  const starts = documents.map(startOf);
  return documents.map((events, index) => {
    const start = starts[index] ?? 0;
    rebase(events, start);
    return { file, source: text.slice(start, starts[index + 1]), events, locate: offset => locate(start + offset) };
  });
}

/** Parses files into documents. Never throws for their content: errors are among the problems. */
export function readDocuments(files: readonly ManifestFile[]): Manifests {
  const documents: ManifestDocument[] = [];
  const problems: Problem[] = [];
  for (const { file, text: written } of files) {
    // Files that were joined keep the byte order mark of each, in front of a document.
    const text = written.replace(/^\uFEFF/gm, '');
    try {
      documents.push(...documentsOf(file, text));
    } catch (thrown) {
      const problem = syntaxProblem(thrown, { file, text });
      if (problem === undefined) throw thrown;
      problems.push(problem);
    }
  }
  return { files: files.map(({ file }) => file), documents, problems };
}

/** The value of one document's events; throws js-yaml's exception (duplicate key, unknown alias or tag). */
export function construct(events: readonly Event[], source: string): unknown {
  return constructFromEvents([...events], { source, schema })[0];
}
