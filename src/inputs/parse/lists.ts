import type { Roles } from '../inputs.js';
import { Refusal, type Parse } from '../refusal.js';
import { dnsSubdomain, isDnsLabel } from './scalars.js';

/** The entries of a newline or comma list, trimmed, in order, without empty ones; commas inside `{a,b}` do not part. */
export const entries: Parse<readonly string[]> = text =>
  text
    .split(/\n|,(?![^{}\n]*\})/)
    .map(entry => entry.trim())
    .filter(entry => entry !== '');

/** Names of Secrets, each once, in the order given. */
export const secretNames: Parse<readonly string[]> = text => {
  const names = [...new Set(entries(text))];
  names.forEach(dnsSubdomain);
  return names;
};

/** Two different role names. */
export const roles: Parse<Roles> = text => {
  const [first, second, ...rest] = entries(text);
  if (first !== undefined && second !== undefined && rest.length === 0 && first !== second) {
    if (isDnsLabel(first) && isDnsLabel(second)) return [first, second];
  }
  throw Refusal.accepting('two different names of lower-case letters, digits and dashes, such as blue,green');
};
