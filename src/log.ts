import * as core from '@actions/core';
import { OutgoingText } from './text.js';

/** A position in a manifest. `file` is relative to the workspace; line and column start at 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** The log: lines, annotations, masking. A line may have line feeds; its parts are lines of their own. */
export interface Log {
  /** One line. */
  info(line: string): void;
  /** One line that is only shown with debug logging. */
  debug(line: string): void;
  /** A warning annotation; `at`: its position in a manifest. Absent: without a position. */
  warning(line: string, at?: Position): void;
  /** An error annotation; `at`: its position in a manifest. Absent: without a position. */
  error(line: string, at?: Position): void;
  /** Masks `secret` as `***` in later lines. Ignores values of three characters and less. */
  mask(secret: string): void;
  /**
   * As `mask`, but only for what this step prints and writes. The runner would mask the value in all later steps, and drop every
   * output of the job that contains it.
   */
  hide(secret: string): void;
  /** Runs `work` inside a collapsible group, which also ends when `work` rejects. */
  group<T>(title: string, work: () => Promise<T>): Promise<T>;
}

/** `file:line:column`, which editors and terminals link. */
export function where(at: Position): string {
  return `${at.file}:${at.line}:${at.column}`;
}

/**
 * A text of at most `longest` characters and a `…`, cut between two words or values; for a single long one, its length.
 * The runner only masks complete secrets, so a secret must not be cut.
 */
export function shortened(text: string, longest: number): string {
  if (text.length <= longest) return text;
  const words = text.slice(0, longest).replace(/[^\s,;<>{}[\]"]+$/, '');
  return words.trim() === '' ? `(${text.length} characters)` : `${words.trimEnd()}…`;
}

/** GitHub shows at most ten annotations of each level for a step; further ones are logged as lines. */
const annotationLimit = 10;

/** The log of a step, which also decides how the step ends and guards the other texts that leave the process. */
export interface StepLog extends Log {
  /** What outputs and job summary pass. It hides what `mask` was called with. */
  readonly text: OutgoingText;
  /** Fails the step with an error annotation. */
  fail(message: string): void;
}

/** The log of a GitHub Actions step. Everything that it prints passes `text`. */
export function actionsLog(text = new OutgoingText()): StepLog {
  const used = { warning: 0, error: 0 };
  const annotate = (level: 'warning' | 'error', line: string, at?: Position): void => {
    used[level] += 1;
    if (used[level] > annotationLimit) {
      core.info(text.safe(at ? `${level}: ${where(at)}: ${line}` : `${level}: ${line}`));
      return;
    }
    const properties = at ? { file: text.line(at.file), startLine: at.line, startColumn: at.column } : {};
    if (level === 'warning') core.warning(text.safe(line), properties);
    else core.error(text.safe(line), properties);
  };
  return {
    text,
    info: line => core.info(text.safe(line)),
    debug: line => core.debug(text.safe(line)),
    warning: (line, at) => annotate('warning', line, at),
    error: (line, at) => annotate('error', line, at),
    mask: secret => {
      // The runner masks what other steps print: every line, and the encodings of each.
      if (text.hide(secret)) core.setSecret(secret);
    },
    hide: secret => void text.hide(secret),
    group: (title, work) => core.group(text.line(title), work),
    fail: message => core.setFailed(text.safe(message)),
  };
}
