import { EVENT_ID, getScalarValue, SCALAR_STYLE, type Event } from 'js-yaml';
import type { Position } from '../../log.js';
import type { Path } from '../../kubernetes/fields.js';
import { startOf, type SubstitutedDocument } from '../placeholders/substitution.js';

/** Where a node is, and the nodes below it by key or index. */
interface Place {
  readonly offset: number;
  readonly below: Map<string | number, Place>;
}

function offsetOf(event: Event | undefined): number | undefined {
  if (event?.type === EVENT_ID.SCALAR) {
    const block = event.style === SCALAR_STYLE.LITERAL_BLOCK || event.style === SCALAR_STYLE.FOLDED_BLOCK;
    // The text of a block scalar starts on the line after the one that a reader looks for.
    return block || event.valueStart === -1 ? undefined : startOf(event);
  }
  if (event?.type === EVENT_ID.MAPPING || event?.type === EVENT_ID.SEQUENCE) return event.start;
  return event?.type === EVENT_ID.ALIAS ? event.anchorStart - 1 : undefined;
}

/** Builds the tree of places from events, one node at a time. */
class PlaceReader {
  #index = 1;

  constructor(
    private readonly events: readonly Event[],
    private readonly source: string,
  ) {}

  /** Reads the next node; `offset` is where its field is seen to start. */
  read(offset: number): Place {
    const event = this.#next();
    const place: Place = { offset, below: new Map() };
    if (event?.type === EVENT_ID.MAPPING) {
      while (!this.#ended()) {
        const key = this.#peek();
        const start = offsetOf(key) ?? offset;
        const name = key?.type === EVENT_ID.SCALAR ? getScalarValue(this.source, key) : '';
        this.read(start);
        const value = this.read(start);
        place.below.set(name, value);
      }
      this.#next();
    } else if (event?.type === EVENT_ID.SEQUENCE) {
      for (let item = 0; !this.#ended(); item += 1) {
        place.below.set(item, this.read(offsetOf(this.#peek()) ?? offset));
      }
      this.#next();
    }
    return place;
  }

  #peek(): Event | undefined {
    return this.events[this.#index];
  }

  #next(): Event | undefined {
    const event = this.events[this.#index];
    this.#index += 1;
    return event;
  }

  #ended(): boolean {
    const event = this.#peek();
    return event === undefined || event.type === EVENT_ID.POP;
  }
}

/** Finds fields of a document by path: the place of their key, or of the list item; else the nearest known parent. */
export function placesOf({ events, source, locate }: SubstitutedDocument): (path: Path) => Position {
  const start = offsetOf(events[1]) ?? 0;
  let root: Place | undefined;
  return path => {
    if (path.length === 0) return locate(start);
    // Of thousands of documents, few are asked for the place of a field.
    root ??= new PlaceReader(events, source).read(start);
    let place = root;
    for (const step of path) {
      const below = place.below.get(step);
      if (below === undefined) break;
      place = below;
    }
    return locate(place.offset);
  };
}
