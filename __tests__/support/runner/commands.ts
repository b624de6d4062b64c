/** Parsers of what a step sends to the runner: printed `::command …::` lines and command files. */

/** An annotation, as GitHub shows it on the run and on the file. */
export interface Annotation {
  readonly level: 'error' | 'warning' | 'notice';
  readonly message: string;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

/** The meaning of one printed line. */
export type Printed =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'mask'; readonly value: string }
  | { readonly kind: 'annotation'; readonly annotation: Annotation }
  | { readonly kind: 'group'; readonly title: string }
  | { readonly kind: 'debug'; readonly text: string }
  | { readonly kind: 'silent' };

const pattern = /^::([\w-]+)(?: ([^:].*?))?::(.*)$/;

/** Parses one line of a step's output. */
export function readLine(line: string): Printed {
  const match = pattern.exec(line);
  if (!match) return { kind: 'text', text: line };
  const [, command = '', properties = '', data = ''] = match;
  const message = unescapeData(data);
  switch (command) {
    case 'add-mask':
      return { kind: 'mask', value: message };
    case 'error':
    case 'warning':
    case 'notice':
      return { kind: 'annotation', annotation: annotationOf(command, { message, properties }) };
    case 'group':
      return { kind: 'group', title: message };
    case 'debug':
      return { kind: 'debug', text: message };
    case 'endgroup':
    case 'stop-commands':
    case 'echo':
    case 'add-matcher':
    case 'remove-matcher':
      return { kind: 'silent' };
    default:
      return { kind: 'text', text: line };
  }
}

function annotationOf(level: Annotation['level'], said: { message: string; properties: string }): Annotation {
  const properties = new Map(
    said.properties.split(',').flatMap(pair => {
      const at = pair.indexOf('=');
      return at < 0 ? [] : [[pair.slice(0, at).trim(), unescapeProperty(pair.slice(at + 1))] as const];
    }),
  );
  const file = properties.get('file');
  const line = properties.get('line');
  const column = properties.get('col');
  return {
    level,
    message: said.message,
    ...(file === undefined ? {} : { file }),
    ...(line === undefined ? {} : { line: Number(line) }),
    ...(column === undefined ? {} : { column: Number(column) }),
  };
}

function unescapeData(text: string): string {
  return text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%');
}

function unescapeProperty(text: string): string {
  return unescapeData(text.replaceAll('%3A', ':').replaceAll('%2C', ','));
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
    for (const secret of [value, ...value.split(/\r?\n/)]) if (secret.trim() !== '') this.#secrets.add(secret);
  }

  apply(line: string): string {
    const longestFirst = [...this.#secrets].sort((one, other) => other.length - one.length);
    return longestFirst.reduce((hidden, secret) => hidden.replaceAll(secret, () => '***'), line);
  }
}
