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
import { fill, placeholdersIn, type NamedPlaceholder, type SubstitutionMode, type ValueSources } from './syntax.js';
import type { ManifestDocument } from '../yaml/documents.js';

/** A document's events with every placeholder replaced. */
export interface SubstitutedDocument {
  readonly events: readonly Event[];
  /** The file's text with the new values behind it; the events' offsets refer to it. */
  readonly source: string;
  /** Line and column in the file as written, also for an offset of a new value. */
  readonly locate: (offset: number) => Position;
  readonly problems: readonly Problem[];
  /** Indexes of the plain values among `events` that were replaced; see {@link replacedAsText}. */
  readonly replaced: readonly number[];
}

type NodeEvent = Exclude<Event, PopEvent | DocumentEvent>;

/** Is told a scalar, alias, map or list, its index among the events, and whether it is a key of a mapping. */
type Visit<E> = (event: E, index: number, isKey: boolean) => void;

/** The nodes in order. What follows an opened mapping is key, value, key, value…, each possibly a collection. */
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

/** The scalars that have a text. */
function visitScalars(events: readonly Event[], visit: Visit<ScalarEvent>): void {
  visitNodes(events, (event, index, isKey) => {
    if (event.type === EVENT_ID.SCALAR && event.valueStart !== -1) visit(event, index, isKey);
  });
}

/** The first key that is a map or a list, which no object of Kubernetes can have. */
export function collectionKey(events: readonly Event[]): MappingEvent | SequenceEvent | undefined {
  const keys: (MappingEvent | SequenceEvent)[] = [];
  visitNodes(events, (event, _, isKey) => {
    if (isKey && (event.type === EVENT_ID.MAPPING || event.type === EVENT_ID.SEQUENCE)) keys.push(event);
  });
  return keys[0];
}

/** Where a scalar is seen to start: its opening quote, or its first character. */
export function startOf(event: ScalarEvent): number {
  const quoted = event.style === SCALAR_STYLE.SINGLE_QUOTED || event.style === SCALAR_STYLE.DOUBLE_QUOTED;
  return quoted ? event.valueStart - 1 : event.valueStart;
}

/** Numbers that JSON has no form for, or that would silently lose digits on the way to the API server. */
function numberProblem(text: string, event: ScalarEvent): string | undefined {
  if (event.style !== SCALAR_STYLE.PLAIN || event.tagStart !== -1) return undefined;
  if (/^[-+]?\d{16,}$/.test(text) && !Number.isSafeInteger(Number(text))) {
    return 'This number is too big to be kept exactly; put it in quotes if it is text.';
  }
  if (/^(?:[-+]?\.inf|\.nan)$/i.test(text)) return `${text} is not a number that Kubernetes can store.`;
  return undefined;
}

/**
 * Replaces placeholders in keys and values. The new text is put behind the file's text and the scalar points at it, so
 * no value can add a key, end a string or start a comment. A plain value is typed by its new text (nothing at all is
 * null, as everywhere in YAML); quoted and block scalars and keys stay text.
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
  let source = document.source;
  visitScalars(document.events, (event, index, isKey) => {
    const before = getScalarValue(document.source, event);
    const filled = before.includes('$') ? fill(before, mode, sources) : { text: before, problems: [] };
    let cursor = event.valueStart;
    for (const { written, message } of filled.problems) {
      const found = document.source.indexOf(written, cursor);
      const known = found !== -1 && found < event.valueEnd;
      problems.push({ message, at: document.locate(known ? found : startOf(event)) });
      if (known) cursor = found + written.length;
    }
    const wrongNumber = isKey ? undefined : numberProblem(filled.text, event);
    if (wrongNumber !== undefined) problems.push({ message: wrongNumber, at: document.locate(startOf(event)) });
    if (filled.text === before) return;
    // One character apart, so that the place of a quoted value, one before its text, is not that of its neighbour.
    const start = source.length + 1;
    source += ` ${filled.text}`;
    origins.push({ start: start - 1, origin: startOf(event) });
    if (!isKey && event.style === SCALAR_STYLE.PLAIN) replaced.push(index);
    const style = isKey && event.style === SCALAR_STYLE.PLAIN ? SCALAR_STYLE.SINGLE_QUOTED : event.style;
    events[index] = { ...event, valueStart: start, valueEnd: source.length, style, fast: true };
  });
  const locate = (offset: number): Position => {
    if (offset < document.source.length) return document.locate(offset);
    return document.locate(origins.findLast(({ start }) => start <= offset)?.origin ?? 0);
  };
  return { events, source, locate, problems, replaced };
}

/** The events, every plain value that was replaced being text whatever it looks like. */
export function replacedAsText({ events, replaced }: SubstitutedDocument): readonly Event[] {
  const texts = [...events];
  for (const index of replaced) {
    const event = texts[index];
    if (event?.type === EVENT_ID.SCALAR) texts[index] = { ...event, style: SCALAR_STYLE.SINGLE_QUOTED };
  }
  return texts;
}

/** A placeholder and the scalar that it is in. */
export interface Mention extends NamedPlaceholder {
  readonly at: Position;
}

/** The placeholders of the documents that the mode looks at, in order: those of one name, or all. */
export function mentionsIn(
  documents: readonly ManifestDocument[],
  mode: SubstitutionMode,
  only?: string,
): readonly Mention[] {
  const mentions: Mention[] = [];
  for (const { source, events, locate } of documents) {
    // Most documents mention nothing of the kind, and to look at every scalar takes long.
    if (!source.includes('$') || !source.includes(only ?? '$')) continue;
    visitScalars(events, event => {
      const found = placeholdersIn(getScalarValue(source, event), mode);
      const wanted = found.filter(({ name }) => only === undefined || name === only);
      mentions.push(...wanted.map(placeholder => ({ ...placeholder, at: locate(startOf(event)) })));
    });
  }
  return mentions;
}
