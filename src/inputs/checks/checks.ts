import { Refusal, type Parse } from '../refusal.js';
import { Fields, isYamlMap } from './check-fields.js';
import { readFilledYaml } from './filled-yaml.js';
import { checkKinds, type Check } from './kinds.js';
import { placeholderNames } from './placeholders.js';
import { openRole, refuseOpenRole } from './side-url.js';

const allKeys = checkKinds.flatMap(({ keys }) => keys);
const kindNames = checkKinds.map(({ kind }) => `"${kind}"`);
const anyKind = new Intl.ListFormat('en', { type: 'disjunction' }).format(kindNames);
const allKinds = new Intl.ListFormat('en', { type: 'conjunction' }).format(kindNames);

/** Parser of the `verify` list. `values` replace the `$<NAME>` placeholders; a name without a value is refused. */
export function checks(values: Readonly<Record<string, string>>): Parse<readonly Check[]> {
  return text => {
    const { text: list, written, typed, reasons } = readFilledYaml(text, values, openRole);
    refusePastedValues(written);
    if (!Array.isArray(list)) throw Refusal.because(['not a YAML list; write items such as "- http: /healthz"']);
    const typedList: readonly unknown[] = Array.isArray(typed) ? typed : [];
    const writtenList: readonly unknown[] = Array.isArray(written) ? written : [];
    const parsed = list.map((item: unknown, index) => {
      const where = `check ${index + 1}`;
      return readCheck({ item, written: writtenList[index], typed: typedList[index], where, reasons }, values);
    });
    if (reasons.length > 0) throw Refusal.because(reasons);
    return parsed.filter(check => check !== undefined);
  };
}

/** A value in a command would be code for the shell: a branch may be called `$(…)`. */
function refusePastedValues(list: unknown): void {
  const items: readonly unknown[] = Array.isArray(list) ? list : [];
  const reasons = items.flatMap((item, index) => {
    const command = isYamlMap(item) && Object.hasOwn(item, 'run') ? item['run'] : undefined;
    return [...new Set(placeholderNames(String(command)))].map(
      name =>
        `check ${index + 1}: "run" holds $<${name}>, which would be pasted into the command; write "$${name}", with the quotes: it is an environment variable of the command`,
    );
  });
  if (reasons.length > 0) throw Refusal.because(reasons);
}

interface Item {
  readonly item: unknown;
  /** With its placeholders. */
  readonly written: unknown;
  readonly typed: unknown;
  readonly where: string;
  readonly reasons: string[];
}

function readCheck(
  { item, written, typed, where, reasons }: Item,
  values: Readonly<Record<string, string>>,
): Check | undefined {
  if (!isYamlMap(item)) {
    reasons.push(`${where}: not a check; write a map with ${anyKind}`);
    return undefined;
  }
  const fields = new Fields({ text: item, written, typed, where, reasons });
  const [kind, ...others] = checkKinds.filter(candidate => fields.has(candidate.kind));
  if (kind === undefined || others.length > 0) {
    const rest = Object.keys(item).filter(key => !allKeys.includes(key));
    const other = rest.length > 0 ? `, found ${rest.join(', ')}` : '';
    fields.refuse(`must have exactly one of ${allKinds}${other}`);
    return undefined;
  }
  fields.refuseOthers(kind.keys);
  refuseOpenRole(fields, written, values);
  return kind.read(fields);
}
