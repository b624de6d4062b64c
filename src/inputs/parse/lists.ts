import { Refusal, type Parse } from '../refusal.js';
import { dnsLabel, dnsSubdomain, isDnsLabel } from './scalars.js';

/** The two names of a blue/green release, in the order in which the first release picks them. */
export type Roles = readonly [string, string];

/** The entries of a newline- or comma-separated list, trimmed, without empty ones. Commas inside `{a,b}` do not separate. */
export const entries: Parse<readonly string[]> = text =>
  text
    .split(/\n|,(?![^{}\n]*\})/)
    .map(entry => entry.trim())
    .filter(entry => entry !== '');

/** Names of Secrets, each once, in the order written. */
export const secretNames: Parse<readonly string[]> = text => {
  const names = [...new Set(entries(text))];
  names.forEach(dnsSubdomain);
  return names;
};

/** Names of Services, at least one and each once, in the order written. */
export const serviceNames: Parse<readonly string[]> = text => {
  const names = [...new Set(entries(text))];
  if (names.length === 0) throw Refusal.accepting('names of Services, one a line');
  const parse = dnsLabel();
  names.forEach(parse);
  return names;
};

/** Two different role names. */
export const roles: Parse<Roles> = text => {
  const [first, second, ...rest] = entries(text);
  if (first !== undefined && second !== undefined && rest.length === 0 && first !== second) {
    // The maps of the roles are plain objects, which inherit a member of this name.
    if ([first, second].every(name => isDnsLabel(name) && name !== 'constructor')) return [first, second];
  }
  throw Refusal.accepting('two different names of lower-case letters, digits and dashes, such as blue,green');
};
