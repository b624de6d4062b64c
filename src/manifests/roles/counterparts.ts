import { roleName } from './copies.js';

/** The name of an object of a role. */
export interface NameOfRole {
  readonly name: string;
  readonly role: string;
}

/** Whether two names differ in nothing but the role. A name may contain the name of a role by chance too (`bluebird-blue`). */
export function isCounterpart(one: NameOfRole, other: NameOfRole): boolean {
  const either = `(?:${escaped(one.role)}|${escaped(other.role)})`;
  const pattern = one.name.split(one.role).map(escaped).join(either);
  return new RegExp(`^${pattern}$`).test(other.name) || isShortened(one, other) || isShortened(other, one);
}

/** Whether the name without a role, given to the role, is this one: `web` and `web-blue`, or `blue-web`. */
export function isGivenTo(name: string, { name: ofRole, role }: NameOfRole): boolean {
  const parts = ofRole.split('-');
  return ofRole === roleName(name, role) || parts.filter(part => part !== role).join('-') === name;
}

/** Whether `roleName` has shortened the other name, or both; it leaves more of a name where the role is shorter. */
function isShortened(one: NameOfRole, other: NameOfRole): boolean {
  const whole = partsOf(one);
  const short = partsOf(other);
  if (whole === undefined || short === undefined) return false;
  if (roleName(whole.base, other.role) === other.name) return true;
  return whole.hash !== undefined && whole.hash === short.hash && whole.kept.startsWith(short.kept);
}

function partsOf({ name, role }: NameOfRole) {
  if (!name.endsWith(`-${role}`)) return undefined;
  const base = name.slice(0, -role.length - 1);
  const [, kept = base, hash] = /^(.+)-([0-9a-f]{8})$/.exec(base) ?? [];
  return { base, kept, hash };
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
