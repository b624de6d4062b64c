import { suggestion } from '../parse/nearest.js';
import { describeRefusal, Refusal, type Parse } from '../refusal.js';
import { own } from '../../own.js';

type YamlMap = Readonly<Record<string, unknown>>;

export function isYamlMap(value: unknown): value is YamlMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One map of a YAML input, read field by field. Problems are added to `reasons`, never thrown. */
export class Fields {
  readonly #text: YamlMap;
  readonly #written: unknown;
  readonly #typed: unknown;
  readonly #where: string;
  readonly #reasons: string[];

  /** `text`: all scalars as text; `written`: the same before its placeholders were replaced; `typed`: the same map with typed scalars; `where`: how every line in `reasons` begins. */
  constructor(from: {
    readonly text: YamlMap;
    readonly written: unknown;
    readonly typed: unknown;
    readonly where: string;
    readonly reasons: string[];
  }) {
    this.#text = from.text;
    this.#written = from.written;
    this.#typed = from.typed;
    this.#where = from.where;
    this.#reasons = from.reasons;
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#text, key);
  }

  /** The value with all scalars as text. `undefined`: absent. */
  raw(key: string): unknown {
    return this.has(key) ? own(this.#text, key) : undefined;
  }

  /** The value with scalars typed as YAML does. */
  typed(key: string): unknown {
    return isYamlMap(this.#typed) && Object.hasOwn(this.#typed, key) ? this.#typed[key] : undefined;
  }

  /** The text, parsed. `undefined`: absent, or refused with a problem added. */
  text<T>(key: string, parse: Parse<T>): T | undefined {
    const value = this.raw(key);
    if (value === undefined) return undefined;
    if (typeof value !== 'string') {
      this.refuse(`${key} must be text, not a list or map`);
      return undefined;
    }
    try {
      return parse(value);
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown;
      // What came from a placeholder may be a secret.
      const shown = isYamlMap(this.#written) && own(this.#written, key) === value ? value : undefined;
      for (const line of describeRefusal(thrown, key, shown)) this.refuse(line);
      return undefined;
    }
  }

  /** Adds a problem for every key that is not one of `accepted`. */
  refuseOthers(accepted: readonly string[]): void {
    for (const key of Object.keys(this.#text)) {
      if (!accepted.includes(key)) {
        this.refuse(`unknown key "${key}"${suggestion(key, accepted)} (accepted: ${accepted.join(', ')})`);
      }
    }
  }

  /** Adds a problem. */
  refuse(reason: string): void {
    this.#reasons.push(`${this.#where}: ${reason}`);
  }
}
