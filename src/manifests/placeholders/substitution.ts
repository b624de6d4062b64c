import {
  EVENT_ID,
  getScalarValue,
  SCALAR_STYLE,
  type DocumentEvent,
  type Event,
  type MappingEvent,
  type PopEvent,
  type ScalarEvent,
  type SequenceEvent,
} from 'js-yaml';
import type { Problem } from '../../errors.js';
import type { Position } from '../../log.js';
import {
  replacePlaceholders,
  placeholdersIn,
  type NamedPlaceholder,
  type ReplacedText,
  type SubstitutionMode,
  type ValueSources,
} from './syntax.js';
import type { NamedValue } from '../sensitive-fields.js';
import type { ManifestDocument } from '../yaml/documents.js';
import { plainKeyProblem, plainValue } from '../yaml/scalars.js';

/** A document's events with every placeholder replaced. */
export interface SubstitutedDocument {
  readonly events: readonly Event[];
  /** Text of the file, followed by the new values; the offsets of `events` refer to it. */
  readonly source: string;
  /** Line and column in the original file, also for the offset of a new value. */
  readonly locate: (offset: number) => Position;
  readonly problems: readonly Problem[];
  /** Indexes in `events` of the plain values that were replaced; see {@link replacedAsText}. */
  readonly replaced: readonly number[];
  /** Indexes in `events` of the values that contain one of the environment; see {@link markedSensitive}. */
  readonly sensitive: readonly number[];
}

type NodeEvent = Exclude<Event, PopEvent | DocumentEvent>;

/** Called with a scalar, alias, map or list, its index among the events, and whether it is a key of a mapping. */
type Visit<E> = (event: E, index: number, isKey: boolean) => void;

/** Visits the nodes in order. The events of a mapping alternate key and value, each possibly a collection. */
function visitNodes(events: readonly Event[], visit: Visit<NodeEvent>): void {
  const stack: { readonly mapping: boolean; atKey: boolean }[] = [];
  events.forEach((event, index) => {
    const inside = stack.at(-1);
    const isKey = inside?.mapping === true && inside.atKey;
    if (event.type !== EVENT_ID.POP && event.type !== EVENT_ID.DOCUMENT) visit(event, index, isKey);
    if (event.type === EVENT_ID.POP) stack.pop();
    else if (inside?.mapping) inside.atKey = !inside.atKey;
    if (event.type === EVENT_ID.MAPPING) stack.push({ mapping: true, atKey: true });
    else if (event.type === EVENT_ID.SEQUENCE || event.type === EVENT_ID.DOCUMENT) {
      stack.push({ mapping: false, atKey: false });
    }
  });
}

/** Visits the scalars that have a value. */
function visitScalars(events: readonly Event[], visit: Visit<ScalarEvent>): void {
  visitNodes(events, (event, index, isKey) => {
    if (event.type === EVENT_ID.SCALAR && event.valueStart !== -1) visit(event, index, isKey);
  });
}

/** The first key that is a map or a list, which a Kubernetes object cannot have. */
export function collectionKey(events: readonly Event[]): MappingEvent | SequenceEvent | undefined {
  const keys: (MappingEvent | SequenceEvent)[] = [];
  visitNodes(events, (event, _, isKey) => {
    if (isKey && (event.type === EVENT_ID.MAPPING || event.type === EVENT_ID.SEQUENCE)) keys.push(event);
  });
  return keys[0];
}

/** Offset where a scalar starts: its opening quote, or its first character. */
export function startOf(event: ScalarEvent): number {
  const quoted = event.style === SCALAR_STYLE.SINGLE_QUOTED || event.style === SCALAR_STYLE.DOUBLE_QUOTED;
  return quoted ? event.valueStart - 1 : event.valueStart;
}

/** Numbers that JSON cannot represent, or that would lose digits when sent to the API server; keys that would get another name. */
function plainProblem(text: string, event: ScalarEvent, isKey: boolean): string | undefined {
  if (event.style !== SCALAR_STYLE.PLAIN || event.tagStart !== -1) return undefined;
  if (isKey) return plainKeyProblem(text);
  const found = plainValue(text);
  if (typeof found?.value !== 'number') return undefined;
  if (!Number.isFinite(found.value))
    return 'This number is out of the range that Kubernetes can store; put it in quotes if it is a string.';
  const isWhole = found.kind === 'int' || /^[-+]?[\d_]+$/.test(text);
  if (!isWhole || Number.isSafeInteger(found.value)) return undefined;
  return 'This number is too large to be represented exactly; put it in quotes if it is a string.';
}

/**
 * Replaces placeholders in keys and values. The new text is appended to the text of the file and the scalar points to it,
 * so no value can add a key, end a string or start a comment. The type of a plain value follows from its new text (an
 * empty one is null, as in YAML); quoted scalars, block scalars and keys stay strings.
 */
export function substitute(
  document: ManifestDocument,
  mode: SubstitutionMode,
  sources: ValueSources,
): SubstitutedDocument {
  const problems: Problem[] = [];
  const events = [...document.events];
  const origins: { readonly start: number; readonly origin: number }[] = [];
  const replaced: number[] = [];
  const sensitive: number[] = [];
  let source = document.source;
  visitScalars(document.events, (event, index, isKey) => {
    const before = getScalarValue(document.source, event);
    const unreplaced: ReplacedText = { text: before, problems: [] };
    const result = before.includes('$') ? replacePlaceholders(before, mode, sources) : unreplaced;
    if (!isKey && result.sensitive !== undefined) sensitive.push(index);
    let cursor = event.valueStart;
    for (const { placeholder, message } of result.problems) {
      const found = document.source.indexOf(placeholder, cursor);
      const isFound = found !== -1 && found < event.valueEnd;
      problems.push({ message, at: document.locate(isFound ? found : startOf(event)) });
      if (isFound) cursor = found + placeholder.length;
    }
    // The new text of a key is a string, see below.
    const isWritten = result.text === before;
    const wrong = isKey && !isWritten ? undefined : plainProblem(result.text, event, isKey);
    if (wrong !== undefined) problems.push({ message: wrong, at: document.locate(startOf(event)) });
    if (isWritten) return;
    // One character between values: a quoted value starts one character before its text.
    const start = source.length + 1;
    source += ` ${result.text}`;
    origins.push({ start: start - 1, origin: startOf(event) });
    if (!isKey && event.style === SCALAR_STYLE.PLAIN) replaced.push(index);
    const style = isKey && event.style === SCALAR_STYLE.PLAIN ? SCALAR_STYLE.SINGLE_QUOTED : event.style;
    events[index] = { ...event, valueStart: start, valueEnd: source.length, style, fast: true };
  });
  const locate = (offset: number): Position => {
    if (offset < document.source.length) return document.locate(offset);
    return document.locate(origins.findLast(({ start }) => start <= offset)?.origin ?? 0);
  };
  return { events, source, locate, problems, replaced, sensitive };
}

/** The events, with every replaced plain value as a string. */
export function replacedAsText({ events, replaced }: SubstitutedDocument): readonly Event[] {
  const texts = [...events];
  for (const index of replaced) {
    const event = texts[index];
    if (event?.type === EVENT_ID.SCALAR) texts[index] = { ...event, style: SCALAR_STYLE.SINGLE_QUOTED };
  }
  return texts;
}

/** The document with `mark` in place of every value that contains one of the environment. */
export function markedSensitive(
  { events, source, sensitive }: SubstitutedDocument,
  mark: string,
): Pick<SubstitutedDocument, 'events' | 'source'> {
  const marked = [...events];
  const valueStart = source.length + 1;
  const value = { style: SCALAR_STYLE.SINGLE_QUOTED, valueStart, valueEnd: valueStart + mark.length, fast: true };
  for (const index of sensitive) {
    const event = marked[index];
    if (event?.type === EVENT_ID.SCALAR) marked[index] = { ...event, ...value, tagStart: -1, tagEnd: -1 };
  }
  return { events: marked, source: `${source} ${mark}` };
}

/**
 * The values of the environment that the manifests use and that may be secret. What names an object or a part of it is none:
 * names are in every message and every address.
 */
export function sensitiveValues(
  documents: readonly ManifestDocument[],
  mode: SubstitutionMode,
  sources: ValueSources,
): readonly NamedValue[] {
  const values: NamedValue[] = [];
  const shown = new Set<string>();
  for (const { source, events } of documents) {
    if (!source.includes('$<')) continue;
    visitScalars(events, (event, index, isKey) => {
      const textOf = (at: number): string => {
        const found = events[at];
        return found?.type === EVENT_ID.SCALAR ? getScalarValue(source, found) : '';
      };
      const member = isKey ? '' : textOf(index - 1);
      // Of `{name: DB_PASSWORD, value: …}`, in either order, and of `password: {value: …}`, the name tells what the value is.
      const around = [
        ...(textOf(index - 3) === 'name' ? [index - 2] : []),
        ...(textOf(index + 1) === 'name' ? [index + 2] : []),
        ...(events[index - 2]?.type === EVENT_ID.MAPPING ? [index - 3] : []),
      ];
      const fields = member === 'value' ? around.map(textOf) : [member];
      const { sensitive = [] } = replacePlaceholders(getScalarValue(source, event), mode, sources);
      for (const { value, names } of sensitive) {
        if (member === 'name' || member === 'namespace') shown.add(value);
        else values.push({ value, names: [...names, ...fields] });
      }
    });
  }
  return values.filter(({ value }) => !shown.has(value));
}

/** A placeholder and the position of the scalar that contains it. */
export interface LocatedPlaceholder extends NamedPlaceholder {
  readonly at: Position;
  /** The scalar is a text over several lines, such as a script. */
  readonly inBlock: boolean;
}

/** The placeholders that the mode replaces, in order. `onlyName`: only those with this name; absent: all. */
export function findPlaceholders(
  documents: readonly ManifestDocument[],
  mode: SubstitutionMode,
  onlyName?: string,
): readonly LocatedPlaceholder[] {
  const placeholders: LocatedPlaceholder[] = [];
  for (const { source, events, locate } of documents) {
    // Most documents have no such placeholder, and visiting every scalar is slow.
    if (!source.includes('$') || !source.includes(onlyName ?? '$')) continue;
    visitScalars(events, event => {
      const found = placeholdersIn(getScalarValue(source, event), mode);
      const matching = found.filter(({ name }) => onlyName === undefined || name === onlyName);
      const inBlock = event.style === SCALAR_STYLE.LITERAL_BLOCK || event.style === SCALAR_STYLE.FOLDED_BLOCK;
      placeholders.push(...matching.map(placeholder => ({ ...placeholder, at: locate(startOf(event)), inBlock })));
    });
  }
  return placeholders;
}
