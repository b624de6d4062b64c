import * as core from '@actions/core';

/** A place in a manifest. `file` is relative to the workspace; line and column count from 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** The log port: narration, annotations, masking. */
export interface Log {
  /** One line of narration: what changed. */
  info(line: string): void;
  /** Shown only when debug logging is enabled. */
  debug(line: string): void;
  /** An annotation of level warning, on the manifest's line if `at` is given. */
  warning(line: string, at?: Position): void;
  /** An annotation of level error, on the manifest's line if `at` is given. */
  error(line: string, at?: Position): void;
  /** From now on `secret` is shown as `***`. Empty values are left alone. */
  mask(secret: string): void;
  /** Runs `work` inside a folded group; the group ends whatever happens. */
  group<T>(title: string, work: () => Promise<T>): Promise<T>;
}

/** `file:line:column`, as editors and terminals link it. */
export function where(at: Position): string {
  return `${at.file}:${at.line}:${at.column}`;
}

/**
 * A text of at most `longest` characters and a `…`, cut between two words or values; a single long one is only counted.
 * The runner masks whole secrets: it would show the half of one that is cut in two.
 */
export function shortened(text: string, longest: number): string {
  if (text.length <= longest) return text;
  const words = text.slice(0, longest).replace(/[^\s,;<>{}[\]"]+$/, '');
  return words.trim() === '' ? `(${text.length} characters)` : `${words.trimEnd()}…`;
}

/** GitHub shows at most ten annotations of a level a step; the rest are plain lines. */
const annotationLimit = 10;

/** The log of a GitHub Actions step. */
export function actionsLog(): Log {
  const used = { warning: 0, error: 0 };
  const annotate = (level: 'warning' | 'error', line: string, at?: Position): void => {
    used[level] += 1;
    if (used[level] > annotationLimit) {
      core.info(at ? `${level}: ${where(at)}: ${line}` : `${level}: ${line}`);
      return;
    }
    const place = at ? { file: at.file, startLine: at.line, startColumn: at.column } : {};
    if (level === 'warning') core.warning(line, place);
    else core.error(line, place);
  };
  return {
    info: line => core.info(line),
    debug: line => core.debug(line),
    warning: (line, at) => annotate('warning', line, at),
    error: (line, at) => annotate('error', line, at),
    mask: secret => {
      // The runner masks line by line; a very short line would garble every later line of the log.
      if (secret.trim().length > 3) core.setSecret(secret);
    },
    group: (title, work) => core.group(title, work),
  };
}
