import { EVENT_ID, getScalarValue, SCALAR_STYLE, type Event } from 'js-yaml';
import type { Position } from '../../log.js';
import type { Path } from '../../kubernetes/fields.js';
import { startOf, type SubstitutedDocument } from '../placeholders/substitution.js';

/** Offset of a node, and its child nodes by key or index. */
interface NodePosition {
  readonly offset: number;
  readonly children: Map<string | number, NodePosition>;
}

function offsetOf(event: Event | undefined): number | undefined {
  if (event?.type === EVENT_ID.SCALAR) {
    const block = event.style === SCALAR_STYLE.LITERAL_BLOCK || event.style === SCALAR_STYLE.FOLDED_BLOCK;
    // The text of a block scalar starts on the line after its key; the position of the key is more useful.
    return block || event.valueStart === -1 ? undefined : startOf(event);
  }
  if (event?.type === EVENT_ID.MAPPING || event?.type === EVENT_ID.SEQUENCE) return event.start;
  return event?.type === EVENT_ID.ALIAS ? event.anchorStart - 1 : undefined;
}

/** Builds the tree of positions from events, one node at a time. */
class PositionReader {
  #index = 1;

  constructor(
    private readonly events: readonly Event[],
    private readonly source: string,
  ) {}

  /** Reads the next node; `offset` is where its field starts. */
  read(offset: number): NodePosition {
    const event = this.#next();
    const position: NodePosition = { offset, children: new Map() };
    if (event?.type === EVENT_ID.MAPPING) {
      while (!this.#ended()) {
        const key = this.#peek();
        const start = offsetOf(key) ?? offset;
        const name = key?.type === EVENT_ID.SCALAR ? getScalarValue(this.source, key) : '';
        this.read(start);
        const value = this.read(start);
        position.children.set(name, value);
      }
      this.#next();
    } else if (event?.type === EVENT_ID.SEQUENCE) {
      for (let item = 0; !this.#ended(); item += 1) {
        position.children.set(item, this.read(offsetOf(this.#peek()) ?? offset));
      }
      this.#next();
    }
    return position;
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

/** Finds the position of a field by path: that of its key or list item, else of the nearest existing parent. */
export function positionFinder({ events, source, locate }: SubstitutedDocument): (path: Path) => Position {
  const start = offsetOf(events[1]) ?? 0;
  let root: NodePosition | undefined;
  return path => {
    if (path.length === 0) return locate(start);
    // Built on demand: field positions are needed for few of possibly thousands of documents.
    root ??= new PositionReader(events, source).read(start);
    let position = root;
    for (const step of path) {
      const child = position.children.get(step);
      if (child === undefined) break;
      position = child;
    }
    return locate(position.offset);
  };
}
