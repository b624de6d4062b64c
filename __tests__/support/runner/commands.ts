/** Parsers of what a step sends to the runner: printed `::command …::` lines and command files. */

/** An annotation, as GitHub shows it on the run and on the file. */
export interface Annotation {
  readonly level: 'error' | 'warning' | 'notice';
  readonly message: string;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

/** A command that the runner finds in a printed line. */
export interface Command {
  /** `::name key=value,…::data` at the start of a line, or `##[name key=value;…]data` anywhere in it. */
  readonly syntax: '::' | '##[';
  /** As it was written: names match in any case. */
  readonly name: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly data: string;
}

/** The meaning of one printed line. */
export type Printed =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'mask'; readonly value: string }
  | { readonly kind: 'annotation'; readonly annotation: Annotation }
  | { readonly kind: 'group'; readonly title: string }
  | { readonly kind: 'debug'; readonly text: string }
  | { readonly kind: 'output' | 'state'; readonly name: string; readonly value: string }
  | { readonly kind: 'silent' };

const stopCommand = 'stop-commands';
const knownCommands = [
  ...['add-mask', 'add-matcher', 'add-path', 'debug', 'echo', 'endgroup', 'error', 'group', 'notice', 'remove-matcher'],
  ...['save-state', 'set-env', 'set-output', stopCommand, 'warning'],
];

/** Reads what a step prints, line by line, as the runner does (`ActionCommand` and `ActionCommandManager` in actions/runner). */
export class CommandReader {
  readonly #registered = new Set(knownCommands);
  readonly #obeyed: Command[] = [];
  #stopToken: string | undefined;

  /** The commands so far, without those that were printed as text after `stop-commands`. */
  get obeyed(): readonly Command[] {
    return this.#obeyed;
  }

  /** `line` has no line end. */
  read(line: string): Printed {
    const command = parseCommand(line, this.#registered);
    if (command === undefined) return { kind: 'text', text: line };
    const name = command.name.toLowerCase();
    if (this.#stopToken !== undefined) {
      if (name === this.#stopToken) {
        this.#registered.delete(name);
        this.#stopToken = undefined;
      }
      return { kind: 'text', text: line };
    }
    this.#obeyed.push(command);
    if (name !== stopCommand) return meaningOf({ ...command, name }, line);
    const token = command.data.toLowerCase();
    if (token === '' || token === 'pause-logging' || this.#registered.has(token)) return failed(line);
    this.#stopToken = token;
    this.#registered.add(token);
    return { kind: 'text', text: line };
  }
}

/** The command in a line; `registered`: the names, in lower case, that the runner knows now. */
function parseCommand(line: string, registered: ReadonlySet<string>): Command | undefined {
  return parseColons(line, registered) ?? parseBracket(line, registered);
}

function parseColons(line: string, registered: ReadonlySet<string>): Command | undefined {
  const trimmed = line.trimStart();
  const end = trimmed.startsWith('::') ? trimmed.indexOf('::', 2) : -1;
  if (end < 0) return undefined;
  const { name, rest } = nameIn(trimmed.slice(2, end));
  if (!registered.has(name.toLowerCase())) return undefined;
  const properties = propertiesIn(rest.trim(), ',', unescapeProperty);
  return { syntax: '::', name, properties, data: unescapeData(trimmed.slice(end + 2)) };
}

/** Only the first `##[` counts. */
function parseBracket(line: string, registered: ReadonlySet<string>): Command | undefined {
  const start = line.indexOf('##[');
  const end = start < 0 ? -1 : line.indexOf(']', start);
  if (end < 0) return undefined;
  const { name, rest } = nameIn(line.slice(start + 3, end));
  if (!registered.has(name.toLowerCase())) return undefined;
  const properties = propertiesIn(rest, ';', unescapeBracket);
  return { syntax: '##[', name, properties, data: unescapeBracket(line.slice(end + 1)) };
}

function nameIn(text: string): { readonly name: string; readonly rest: string } {
  const space = text.indexOf(' ');
  return space < 0 ? { name: text, rest: '' } : { name: text.slice(0, space), rest: text.slice(space + 1) };
}

function propertiesIn(
  text: string,
  separator: ',' | ';',
  unescape: (value: string) => string,
): Readonly<Record<string, string>> {
  const pairs = text.split(separator).flatMap(pair => {
    const at = pair.indexOf('=');
    return at <= 0 || at === pair.length - 1 ? [] : [[pair.slice(0, at), unescape(pair.slice(at + 1))] as const];
  });
  return Object.fromEntries(pairs);
}

/** `command`: with its name in lower case. */
function meaningOf(command: Command, line: string): Printed {
  const { name, properties, data } = command;
  switch (name) {
    case 'add-mask':
      return { kind: 'mask', value: data };
    case 'error':
    case 'warning':
    case 'notice':
      return { kind: 'annotation', annotation: annotationOf(name, command) };
    case 'group':
      return { kind: 'group', title: data };
    case 'debug':
      return { kind: 'debug', text: data };
    case 'set-output':
    case 'save-state': {
      const { name: key = '' } = properties;
      if (key === '') return failed(line);
      return { kind: name === 'set-output' ? 'output' : 'state', name: key, value: data };
    }
    case 'set-env':
    case 'add-path':
      // The runner refuses both unless the job sets ACTIONS_ALLOW_UNSECURE_COMMANDS.
      return failed(line);
    default:
      return { kind: 'silent' };
  }
}

function failed(line: string): Printed {
  const message = `Unable to process command '${line}' successfully.`;
  return { kind: 'annotation', annotation: { level: 'error', message } };
}

function annotationOf(level: Annotation['level'], { properties, data }: Command): Annotation {
  const { file, line, col } = properties;
  return {
    level,
    message: data,
    ...(file === undefined ? {} : { file }),
    ...(line === undefined ? {} : { line: Number(line) }),
    ...(col === undefined ? {} : { column: Number(col) }),
  };
}

function unescapeData(text: string): string {
  return text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%');
}

function unescapeProperty(text: string): string {
  const lines = text.replaceAll('%0D', '\r').replaceAll('%0A', '\n');
  return lines.replaceAll('%3A', ':').replaceAll('%2C', ',').replaceAll('%25', '%');
}

function unescapeBracket(text: string): string {
  const lines = text.replaceAll('%3B', ';').replaceAll('%0D', '\r').replaceAll('%0A', '\n');
  return lines.replaceAll('%5D', ']').replaceAll('%25', '%');
}

/**
 * Parses the `NAME=value` lines and `NAME<<DELIMITER` blocks of GITHUB_OUTPUT, GITHUB_STATE and GITHUB_ENV. Throws on a block
 * without an end, as the runner does.
 */
export function readFileCommands(text: string): Record<string, string> {
  const values: Record<string, string> = {};
  const lines = text.split(/\r?\n/);
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    if (line === '') continue;
    const equals = line.indexOf('=');
    const block = line.indexOf('<<');
    if (block >= 0 && (equals < 0 || block < equals)) {
      const delimiter = line.slice(block + 2);
      const end = lines.indexOf(delimiter, at + 1);
      if (end < 0) throw new Error(`a value without its closing ${delimiter}: ${line}`);
      values[line.slice(0, block)] = lines.slice(at + 1, end).join('\n');
      at = end;
    } else if (equals >= 0) {
      values[line.slice(0, equals)] = line.slice(equals + 1);
    } else {
      throw new Error(`neither NAME=value nor NAME<<DELIMITER: ${line}`);
    }
  }
  return values;
}

/** Masks secrets line by line, as the runner does. */
export class Masks {
  readonly #secrets = new Set<string>();

  add(value: string): void {
    const lines = value.split(/[\r\n]/).map(line => line.trim());
    for (const secret of [value, ...lines]) if (secret.trim() !== '') this.#secrets.add(secret);
  }

  apply(line: string): string {
    const longestFirst = [...this.#secrets].sort((one, other) => other.length - one.length);
    return longestFirst.reduce((hidden, secret) => hidden.replaceAll(secret, () => '***'), line);
  }
}
