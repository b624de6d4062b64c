import { CutoverError } from '../errors.js';
import { describeAction, describeActions, type Action } from './actions.js';
import { describeRefusal, quoted, Refusal } from './refusal.js';
import { definitionOf, inputNames, isInputName, takes, type InputName, type ParseContext } from './table.js';
import { describeUnknownInput } from './unknown-inputs.js';

const prefix = 'INPUT_';

interface InputProblem {
  readonly name: string;
  readonly message: string;
}

/** The inputs as the runner passes them, and every problem found in them so far. */
export class ReceivedInputs {
  readonly #texts: ReadonlyMap<string, string>;
  readonly #problems: InputProblem[] = [];

  /** `environment`: the runner's, with `INPUT_<NAME>` for each input. Adds a problem for each unknown or wrongly empty one. */
  constructor(environment: Readonly<Record<string, string | undefined>>) {
    const received = Object.entries(environment)
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, value]) => [key.slice(prefix.length).toLowerCase(), tidy(value ?? '')] as const);
    for (const [name, text] of received) {
      if (!isInputName(name)) this.#problems.push({ name, message: describeUnknownInput(name) });
      else if (text.trim() === '' && definitionOf(name).refuseEmpty) this.#refuseEmpty(name);
    }
    this.#texts = new Map(received.filter(([name, text]) => !isOmitted(name, text)));
  }

  /** The text received. `undefined`: omitted. */
  raw(name: InputName): string | undefined {
    return this.#texts.get(name);
  }

  /** Whether the user set the input. */
  isSet(name: InputName): boolean {
    return this.#texts.has(name);
  }

  /** The parsed value; that of an omitted input where it is omitted, or where it is refused and a problem is added. */
  parse(name: InputName, context: ParseContext): unknown {
    const definition = definitionOf(name);
    const text = this.#texts.get(name);
    try {
      if (text !== undefined) return definition.parse(text, context);
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown;
      const lines = describeRefusal(thrown, name, this.#shownText(name));
      for (const message of lines) this.#problems.push({ name, message });
    }
    return definition.default === undefined ? definition.absent : definition.parse(definition.default, context);
  }

  /** Whether the input has a problem already. */
  isRefused(name: InputName): boolean {
    return this.#problems.some(problem => problem.name === name);
  }

  /** Adds a problem; `reason` continues the line that begins with the name of the input and its value. */
  refuse(name: InputName, reason: string): void {
    const value = this.isSet(name) ? quoted(this.#shownText(name)) : describeOmitted(name);
    this.#problems.push({ name, message: `${name}: received ${value}, ${reason}` });
  }

  /** Adds a problem for every input that is set and that the action does not take. */
  refuseInputsOfOtherActions(action: Action, deployOrPlan: 'deploy' | 'plan'): void {
    for (const name of inputNames) {
      if (!this.isSet(name) || this.isRefused(name) || takes(action, name)) continue;
      const others = describeActions(definitionOf(name).actions);
      this.refuse(name, `but it is not an input of ${describeAction(action, deployOrPlan)}, only of ${others}`);
    }
  }

  /** @throws CutoverError `input` that lists every problem, if there is one. */
  throwIfRefused(): void {
    if (this.#problems.length === 0) return;
    const names = [...new Set(this.#problems.map(problem => problem.name))];
    throw new CutoverError(`Invalid input${names.length === 1 ? '' : 's'}: ${names.join(', ')}.`, {
      code: 'input',
      hint: 'Nothing was changed. Correct the inputs under `with:` of this step; docs/inputs.md describes each of them.',
      problems: this.#problems.map(({ message }) => ({ message })),
    });
  }

  #refuseEmpty(name: InputName): void {
    const fallback = definitionOf(name).default;
    const remedy =
      fallback === undefined ? 'Omit it to use the default' : `Write \`${fallback}\` if that is what you mean`;
    this.#problems.push({
      name,
      message:
        `${name}: received an empty value; the secret or variable in it may be misspelt, or not available to this event. ` +
        remedy,
    });
  }

  #shownText(name: InputName): string | undefined {
    return definitionOf(name).secret === true ? undefined : this.#texts.get(name);
  }
}

/** Single lines are trimmed; in longer values indentation may matter, as in a YAML list. */
function tidy(value: string): string {
  const trimmed = value.trim();
  return trimmed.includes('\n') ? value.replaceAll('\r\n', '\n') : trimmed;
}

/** The runner passes an omitted input as '', or as its default in action.yml. */
function isOmitted(name: string, text: string): boolean {
  if (text === '') return true;
  if (!isInputName(name)) return false;
  const { refuseEmpty, default: fallback } = definitionOf(name);
  return refuseEmpty === true && text === fallback;
}

function describeOmitted(name: InputName): string {
  const { default: fallback } = definitionOf(name);
  return fallback === undefined ? 'nothing' : `nothing (default ${fallback})`;
}
