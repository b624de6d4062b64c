import { randomInt } from 'node:crypto';

/** Leaves room for the suffix within the length of a label. */
const longestPrefix = 58;

// No vowels and no look-alikes, so that no name spells a word.
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
const suffix = (): string => Array.from({ length: 5 }, () => alphabet[randomInt(alphabet.length)]).join('');

/** A name that begins with `generateName`. */
export function generatedName(prefix: string): string {
  return prefix.slice(0, longestPrefix) + suffix();
}
