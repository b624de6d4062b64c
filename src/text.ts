import { credentialsIn } from './credentials.js';
import { plain } from './plain-text.js';
import { hideRanges, SecretList } from './secrets.js';

/**
 * The door for text: whatever this process prints or writes for people and other steps passes `safe` or `line`. Names, field
 * values, messages of servers and comments of reviewers come from outside; none of them may give the runner a command,
 * control a terminal, or show a secret.
 */
export class OutgoingText {
  readonly #secrets = new SecretList();

  /** From now on `safe`, `line` and `redact` hide the secret. False: it is too short to be hidden. */
  hide(secret: string): boolean {
    return this.#secrets.add(secret);
  }

  /** A text of any number of lines, without control characters, secrets and commands for the runner. Every line ends with a line feed. */
  safe(text: string): string {
    return neutralised(this.redact(text));
  }

  /** The same on one line. */
  line(text: string): string {
    return this.safe(text).replace(/\n+/g, ' ');
  }

  /** A text without control characters and secrets, for a member of a structure that `neutralised` gets when it is complete. */
  redact(text: string): string {
    const shown = this.#secrets.redact(plain(text));
    return hideRanges(shown, credentialsIn(shown));
  }
}

/**
 * A plain text without commands for the runner. The runner obeys `::command::` at the start of a line, after any white space,
 * and `##[command]` anywhere in a line. A space inside shows what was written, and the runner does not skip it; it does skip
 * characters without a width, since it compares strings by the rules of a language.
 */
export function neutralised(text: string): string {
  return text
    .replace(/^((?:[^\S\n\p{Cf}]|\p{Cf})*:)(?=\p{Cf}*:)/gmu, '$1 ')
    .replace(/(#\p{Cf}*#)(?=\p{Cf}*\[)/gu, '$1 ');
}
