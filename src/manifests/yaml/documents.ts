import { constructFromEvents, EVENT_ID, YAMLException, type Event } from 'js-yaml';
import type { Problem } from '../../errors.js';
import { yamlReason } from '../../inputs/yaml-reason.js';
import type { Position } from '../../log.js';
import type { ManifestFile } from '../files/find.js';
import { parseFile } from './parse.js';
import { kubectlSchema } from './scalars.js';

/** One document of a manifest, parsed but neither substituted nor constructed. */
export interface ManifestDocument {
  readonly file: string;
  /** Text of the document, which the offsets in `events` refer to. */
  readonly source: string;
  readonly events: readonly Event[];
  /** Line and column of an offset into `source`. */
  readonly locate: (offset: number) => Position;
}

/** The parsed manifests, with their syntax errors. */
export interface Manifests {
  /** Names of the files, in the order in which they are rendered. */
  readonly files: readonly string[];
  readonly documents: readonly ManifestDocument[];
  /** Syntax errors, at most one per file; rendering reports them together with its own problems. */
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
  return { message: `Not valid YAML: ${yamlReason(thrown)}.`, at: locate(thrown.mark?.position ?? 0) };
}

/** Remedy for templates of a chart, which are YAML only after rendering. */
export const templateRemedy = 'Render templates with {{ }} first, for example with `helm template … > manifests.yml`.';

const remedies = [
  { pattern: '{{', remedy: templateRemedy },
  { pattern: '${', remedy: 'Inside { } and [ ], put text with ${…} in quotes, or write $<NAME>.' },
];

/** Remedy where the parser took a bracket for the start or end of a list or map, which a tag such as `![x` has before it. */
function tagRemedy(problem: Problem | undefined, text: string): string | undefined {
  const isOfBrackets = problem !== undefined && /flow collection|node content|alias node/.test(problem.message);
  const found = isOfBrackets && /(?:^|[\s,:[{])![^\s,]*[,[\]{}]/m.test(text);
  return found ? 'Put text that begins with ! in quotes.' : undefined;
}

/** As {@link yamlProblem}, with a remedy where the line looks like a template. */
function syntaxProblem(thrown: unknown, { file, text }: ManifestFile): Problem | undefined {
  const problem = yamlProblem(thrown, locator(file, text));
  const line = problem?.at === undefined ? undefined : text.split(/\r\n|\r|\n/)[problem.at.line - 1];
  const remedy = remedies.find(({ pattern }) => line?.includes(pattern))?.remedy ?? tagRemedy(problem, text);
  if (problem === undefined || remedy === undefined) return problem;
  return { ...problem, message: `${problem.message} ${remedy}` };
}

/** Offset where a document starts: at its root, or the tag or anchor before it. */
function startOf([, root]: readonly Event[]): number {
  if (root === undefined || root.type === EVENT_ID.DOCUMENT || root.type === EVENT_ID.POP) return 0;
  if (root.type === EVENT_ID.ALIAS) return root.anchorStart;
  const first = root.type === EVENT_ID.SCALAR ? root.valueStart : root.start;
  return Math.min(...[first, root.anchorStart, root.tagStart].filter(offset => offset !== -1));
}

/** Makes the offsets of a document's events relative to its start. In place, because there are many events. */
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

/** The events of each document, without empty documents. */
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

/** The documents of a file, each with its own part of the text, so that the cost of handling one does not grow with the file. */
function documentsOf(file: string, given: string): readonly ManifestDocument[] {
  const inFile = locator(file, given);
  return parseFile(given, file).flatMap(({ text, events: all, original }) => {
    const documents = split(all);
    const starts = documents.map(startOf);
    return documents.map((events, index) => {
      const start = starts[index] ?? 0;
      rebase(events, start);
      const locate = (offset: number): Position => inFile(original(start + offset));
      return { file, source: text.slice(start, starts[index + 1]), events, locate };
    });
  });
}

/** Parses files into documents. Does not throw for invalid content: syntax errors are in `problems`. */
export function readDocuments(files: readonly ManifestFile[]): Manifests {
  const documents: ManifestDocument[] = [];
  const problems: Problem[] = [];
  for (const { file, text: original } of files) {
    // Concatenated files keep their byte order marks, each before a document.
    const text = original.replace(/^\uFEFF/gm, '');
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
  return constructFromEvents([...events], { source, schema: kubectlSchema })[0];
}
