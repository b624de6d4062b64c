import type { IncomingMessage } from 'node:http';
import type { JsonObject } from '../../../sandbox/api/schema/json.js';
import { nameOf } from './object-fields.js';

/** One event of a watch. */
export interface Change {
  readonly type: string;
  readonly object: JsonObject;
}

/** A running watch, with the present objects and all events. */
export class Watched {
  /** Without bookmarks. */
  readonly changes: Change[] = [];
  /** Resolves when all initial objects have arrived. */
  readonly begun: Promise<void>;
  readonly #incoming: IncomingMessage;
  readonly #waitMs: number;
  readonly #objects = new Map<string, JsonObject>();
  readonly #listeners = new Set<() => void>();
  #rest = '';

  constructor(incoming: IncomingMessage, waitMs: number) {
    this.#incoming = incoming;
    this.#waitMs = waitMs;
    incoming.setEncoding('utf8');
    incoming.on('error', () => undefined);
    this.begun = new Promise(resolve => {
      incoming.on('data', (text: string) => {
        const lines = (this.#rest + text).split('\n');
        this.#rest = lines.pop() ?? '';
        for (const line of lines) {
          const { type, object } = JSON.parse(line) as Change;
          if (type === 'BOOKMARK') resolve();
          else this.#take({ type, object });
        }
        for (const listener of this.#listeners) listener();
      });
    });
  }

  /** The present objects. */
  get objects(): JsonObject[] {
    return [...this.#objects.values()];
  }

  /** Waits until `look` has a result. Rejects with the last state after the deadline. */
  until<T>(what: string, look: (objects: JsonObject[]) => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        const seen = look(this.objects);
        if (seen === undefined) return;
        stop();
        resolve(seen);
      };
      const timer = setTimeout(() => {
        stop();
        const last = JSON.stringify(this.objects.map(({ metadata: _, ...rest }) => rest));
        reject(new Error(`waited ${this.#waitMs / 1000} s for ${what}; last: ${last.slice(-2000)}`));
      }, this.#waitMs);
      const stop = (): void => {
        clearTimeout(timer);
        this.#listeners.delete(check);
      };
      this.#listeners.add(check);
      check();
    });
  }

  end(): void {
    this.#incoming.destroy();
  }

  #take(change: Change): void {
    this.changes.push(change);
    const name = nameOf(change.object);
    if (change.type === 'DELETED') this.#objects.delete(name);
    else this.#objects.set(name, change.object);
  }
}
