import { EVENT_ID, getScalarValue, SCALAR_STYLE, type Event } from 'js-yaml';
import type { Problem } from '../../errors.js';
import type { SubstitutedDocument } from '../placeholders/substitution.js';
import { startOf } from '../placeholders/substitution.js';

type Keys = ReadonlySet<string>;
const none: Keys = new Set();

const isMerge = (event: Event | undefined, name: string): boolean =>
  name === '<<' && event?.type === EVENT_ID.SCALAR && event.style === SCALAR_STYLE.PLAIN;

/** Reads the nodes in order. The keys of a list are those of its maps together; a scalar has none. */
class MergeReader {
  readonly problems: Problem[] = [];
  readonly #anchors = new Map<string, Keys>();
  #index = 1;

  constructor(private readonly document: SubstitutedDocument) {}

  read(): Keys {
    const event = this.#next();
    if (event === undefined || event.type === EVENT_ID.POP || event.type === EVENT_ID.DOCUMENT) return none;
    const { anchorStart, anchorEnd } = event;
    const anchor = this.document.source.slice(anchorStart, anchorEnd);
    if (event.type === EVENT_ID.ALIAS) return this.#anchors.get(anchor) ?? none;
    const keys =
      event.type === EVENT_ID.MAPPING ? this.#readMap() : event.type === EVENT_ID.SEQUENCE ? this.#readList() : none;
    if (anchorStart !== -1) this.#anchors.set(anchor, keys);
    return keys;
  }

  #readMap(): Keys {
    const keys = new Set<string>();
    while (!this.#ended()) {
      const key = this.document.events[this.#index];
      const name = key?.type === EVENT_ID.SCALAR ? getScalarValue(this.document.source, key) : undefined;
      this.read();
      const below = this.read();
      if (name === undefined || key?.type !== EVENT_ID.SCALAR) continue;
      if (!isMerge(key, name)) keys.add(name);
      else {
        const twice = [...below].find(merged => keys.has(merged));
        const message = `kubectl takes ${twice ?? ''} from << and not from the line before it: write << before ${twice ?? ''}.`;
        if (twice !== undefined) this.problems.push({ message, at: this.document.locate(startOf(key)) });
        below.forEach(merged => keys.add(merged));
      }
    }
    this.#index += 1;
    return keys;
  }

  #readList(): Keys {
    const keys = new Set<string>();
    while (!this.#ended()) this.read().forEach(key => keys.add(key));
    this.#index += 1;
    return keys;
  }

  #next(): Event | undefined {
    this.#index += 1;
    return this.document.events[this.#index - 1];
  }

  #ended(): boolean {
    const event = this.document.events[this.#index];
    return event === undefined || event.type === EVENT_ID.POP;
  }
}

/**
 * Merge keys that stand after a key which they set too. kubectl lets the later line win, and YAML the key that is written in the
 * map itself, so such a map has no certain meaning.
 */
export function mergeProblems(document: SubstitutedDocument): readonly Problem[] {
  if (!document.source.includes('<<')) return [];
  const reader = new MergeReader(document);
  reader.read();
  return reader.problems;
}
