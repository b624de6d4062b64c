import { CutoverError } from '../errors.js';
import { declarationOf, declarations, describeStep, describeSteps, inputNames, isInputName } from './table.js';
import type { DefaultedName, InputName, Step } from './table.js';
import { foreignAdvice } from './unknown-inputs.js';
import { suggestion } from './parse/nearest.js';
import { describeRefusal, Refusal, shown, type Parse } from './refusal.js';

const prefix = 'INPUT_';

interface InputProblem {
  readonly name: string;
  readonly message: string;
  /** Nothing is wrong with it but that its work is not available yet. */
  readonly pending: boolean;
}

/** What the user answered to the inputs of action.yml, and everything that is wrong with it so far. */
export class Answers {
  readonly #given: ReadonlyMap<string, string>;
  readonly #problems: InputProblem[] = [];

  /** `environment`: the runner's, with `INPUT_<NAME>` for each input. Unknown and not yet available inputs are noted. */
  constructor(environment: Readonly<Record<string, string | undefined>>) {
    const all = Object.entries(environment)
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, value]) => [key.slice(prefix.length).toLowerCase(), value ?? ''] as const);
    for (const [name] of all)
      if (!isInputName(name)) this.#problems.push({ name, message: unknown(name), pending: false });
    // The runner sets absent inputs to ''; a blank value is an absent one.
    this.#given = new Map(all.filter(([, value]) => value.trim() !== '').map(([name, value]) => [name, tidy(value)]));
    for (const name of inputNames) this.#checkPending(name);
  }

  /** The value as it was given. `undefined`: absent. */
  raw(name: InputName): string | undefined {
    return this.#given.get(name);
  }

  /** The value that `parse` makes of it. `undefined`: absent, or refused and noted. */
  optional<T>(name: InputName, parse: Parse<T>): T | undefined {
    const text = this.#given.get(name);
    if (text === undefined) return undefined;
    try {
      return parse(text);
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown;
      const lines = describeRefusal(thrown, name, this.#shownValue(name));
      for (const message of lines) this.#problems.push({ name, message, pending: thrown.pending });
      return undefined;
    }
  }

  /** As `optional`, with the default in the place of an absent value (and of a refused one, which is noted). */
  settled<T>(name: DefaultedName, parse: Parse<T>): T {
    return this.optional(name, parse) ?? parse(declarations[name].default);
  }

  /** Whether something is noted against the input already. */
  isRefused(name: InputName): boolean {
    return this.#problems.some(problem => problem.name === name);
  }

  /** Notes a problem; `reason` continues the line that begins with the input's name and value. */
  refuse(name: InputName, reason: string): void {
    const value = this.#given.has(name) ? shown(this.#shownValue(name)) : nothing(name);
    this.#problems.push({ name, message: `${name}: received ${value}, ${reason}`, pending: false });
  }

  /** Notes every given input that means nothing to this step. */
  refuseMeaningless(step: Step, action?: 'deploy' | 'plan'): void {
    for (const name of inputNames) {
      const { steps } = declarationOf(name);
      if (!this.#given.has(name) || this.isRefused(name) || steps.includes(step)) continue;
      this.refuse(name, `but it means nothing to ${describeStep(step, action)}; it belongs to ${describeSteps(steps)}`);
    }
  }

  /** Throws one error that lists every problem; `unavailable` when waiting for a later version would cure them all. */
  throwIfRefused(): void {
    if (this.#problems.length === 0) return;
    const names = [...new Set(this.#problems.map(problem => problem.name))];
    const onlyPending = this.#problems.every(problem => problem.pending);
    const what = names.length === 1 ? `The input ${names.join('')}` : `These inputs: ${names.join(', ')}`;
    throw new CutoverError(`${what} cannot be used as given.`, {
      code: onlyPending ? 'unavailable' : 'input',
      hint: 'Nothing was changed. Correct the inputs under "with:" of this step; action.yml describes each of them.',
      problems: this.#problems.map(({ message }) => ({ message })),
    });
  }

  #checkPending(name: InputName): void {
    const { pending } = declarationOf(name);
    const value = this.#given.get(name);
    if (pending === undefined || value === undefined || value === pending.only) return;
    const later = Refusal.later(pending.only ?? 'nothing; leave it out');
    for (const message of describeRefusal(later, name, this.#shownValue(name)))
      this.#problems.push({ name, message, pending: true });
  }

  #shownValue(name: InputName): string | undefined {
    return declarationOf(name).secret === true ? undefined : this.#given.get(name);
  }
}

/** Single lines are trimmed; in longer values indentation may matter, as in a YAML list. */
function tidy(value: string): string {
  const trimmed = value.trim();
  return trimmed.includes('\n') ? value.replaceAll('\r\n', '\n') : trimmed;
}

/** An absent value, with what that stands for. */
function nothing(name: InputName): string {
  const { default: fallback } = declarationOf(name);
  return fallback === undefined ? 'nothing' : `nothing (default ${fallback})`;
}

function unknown(name: string): string {
  const instead = foreignAdvice(name);
  if (instead !== undefined) return `${name}: not an input of this action; ${instead}`;
  return `${name}: not an input of this action${suggestion(name, inputNames)}`;
}
