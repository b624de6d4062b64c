import fc from 'fast-check';

/** Pieces of commands in both syntaxes, and what a parser may skip, split at or strip. */
const pieces = [
  ...['::', ':', '##[', '##', '#', '[', ']', ' ', '=', 'name=x', '%0A', '%3A%3A', '***', 'hunter2', 'text'],
  ...['add-mask', 'stop-commands', 'set-output', 'set-env', 'save-state', 'group', 'endgroup', 'error', 'debug'],
  ...['\n', '\r', '\r\n', '\t', '\v', '\f', '\u0085', '\u2028', '\u2029', '\u00A0', '\u3000', '\uFEFF'],
  ...['\u0000', '\u0007', '\u007F', '\u001B', '\u001B[31m', '\u001B[', '\u001B]0;', '\u001B\\', '\u009B1m'],
  ...['\u200B', '\u200D', '\u00AD', '\u202E', '\u2066', '\uD83D', '\u0301'],
];

const command = fc
  .tuple(
    fc.constantFrom('', ' ', '\t', '\u00A0', '\n', '\r', 'x\r', 'x\n  ', '\u001B[0m', '\u2028'),
    fc.constantFrom('::add-mask::', '::stop-commands::', '::set-output name=x::', '##[add-mask]', 'x ##[group]'),
  )
  .map(parts => parts.join(''));

/** Text that wants to be a command for the runner, or to control a terminal. */
export const hostileText: fc.Arbitrary<string> = fc
  .array(
    fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...pieces) }, { weight: 2, arbitrary: command }, fc.string()),
    {
      maxLength: 20,
    },
  )
  .map(parts => parts.join(''));
