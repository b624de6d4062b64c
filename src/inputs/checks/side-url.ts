import { Refusal } from '../refusal.js';
import { isYamlMap, type Fields } from './check-fields.js';
import { placeholderNames } from './placeholders.js';

/** The name that stands for the role under test in a {@link SideUrl}: which one it is, is known only in the step. */
const roleName = 'ROLE';
const rolePlaceholder = `$<${roleName}>`;

/** What checks have in common that can be asked at an address of the side under test. */
export interface SideUrl {
  /**
   * The address, without a slash at the end, for where neither tunnels nor the proxy of the API server are allowed; `$<ROLE>` in it is the
   * role. Absent: there is no other way.
   */
  readonly url?: string;
}

/** The role stays a placeholder when checks are parsed. A variable of this name is not the role. */
export const openRole: Readonly<Record<string, string>> = { [roleName]: rolePlaceholder };

/** Parses the key `url`; a problem is added to `fields`. */
export function readSideUrl(fields: Fields): SideUrl {
  const url = fields.text('url', address);
  return url === undefined ? {} : { url };
}

/** Refuses the open role in any other key. `item`: with its placeholders. */
export function refuseOpenRole(fields: Fields, item: unknown, values: Readonly<Record<string, string>>): void {
  if (Object.hasOwn(values, roleName)) return;
  const { url: _url, ...others } = isYamlMap(item) ? item : {};
  if (placeholderNames(JSON.stringify(others)).includes(roleName))
    fields.refuse(`${rolePlaceholder} is the role only in "url"; set ROLE in "variables" to use it elsewhere`);
}

/** Whether the address names the role. */
export function namesRole({ url = '' }: SideUrl): boolean {
  return url.includes(rolePlaceholder);
}

/** The check with the address of a role. Absent role: there are none, and no address names one. */
export function ofRole<C extends SideUrl>(check: C, role: string | undefined): C {
  return check.url === undefined || role === undefined
    ? check
    : { ...check, url: check.url.replaceAll(rolePlaceholder, role) };
}

function address(text: string): string {
  const example = text.replaceAll(rolePlaceholder, 'role');
  if (!/^https?:\/\//.test(text) || !URL.canParse(example) || /[?#\s]/.test(text))
    throw Refusal.accepting('an address with http or https, such as https://$<ROLE>.example.com, without query');
  const { username, password } = new URL(example);
  if (username !== '' || password !== '')
    throw Refusal.because([
      'the URL contains credentials, which would be shown; use "run" with an environment variable',
    ]);
  return text.replace(/\/+$/, '');
}
