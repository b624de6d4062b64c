import { load, YAMLException } from 'js-yaml';
import { duration } from '../parse/durations.js';
import { readExpectation } from './expectations.js';
import { Fields, isYamlMap } from './fields.js';
import type { Check, CheckStage, HttpCheck, RunCheck } from './check.js';
import { nearest } from '../parse/nearest.js';
import { fillingSchemas } from './placeholders.js';
import { Refusal, type Parse } from '../refusal.js';
import { oneOf } from '../parse/scalars.js';

const timing = ['when', 'retry', 'interval'];
const httpKeys = ['http', 'method', 'status', 'contains', 'matches', 'json', 'header', 'pods', ...timing];
const runKeys = ['run', ...timing];

/** Parser of the `verify` list. `values` replace the `$<NAME>` placeholders; a name without a value is refused. */
export function checks(values: Readonly<Record<string, string>>): Parse<readonly Check[]> {
  return text => {
    const missing = new Set<string>();
    const schemas = fillingSchemas({ values, missing: name => missing.add(name) });
    const list = readYaml(() => load(text, { schema: schemas.text }));
    const typed = readYaml(() => load(text, { schema: schemas.typed }));
    if (!Array.isArray(list)) throw Refusal.because(['not a YAML list; write items such as "- http: /healthz"']);
    const typedList: readonly unknown[] = Array.isArray(typed) ? typed : [];
    const reasons = [...missing].map(name => undefinedName(name, values));
    const parsed = list.map((item: unknown, index) => {
      const where = `check ${index + 1}`;
      return readCheck({ item, typed: typedList[index], where, reasons });
    });
    if (reasons.length > 0) throw Refusal.because(reasons);
    return parsed.filter(check => check !== undefined);
  };
}

function readYaml(read: () => unknown): unknown {
  try {
    return read();
  } catch (thrown) {
    if (!(thrown instanceof YAMLException)) throw thrown;
    const at = thrown.mark === undefined ? '' : ` in line ${thrown.mark.line + 1}`;
    throw Refusal.because([`cannot be read as YAML: ${thrown.reason}${at}`]);
  }
}

function undefinedName(name: string, values: Readonly<Record<string, string>>): string {
  const near = nearest(name, Object.keys(values));
  const hint = near === undefined ? '' : ` Did you mean $<${near}>?`;
  return `$<${name}> is not defined; set it in "variables", or write $<${name}:-default>.${hint}`;
}

interface Item {
  readonly item: unknown;
  readonly typed: unknown;
  readonly where: string;
  readonly reasons: string[];
}

function readCheck({ item, typed, where, reasons }: Item): Check | undefined {
  if (!isYamlMap(item)) {
    reasons.push(`${where}: not a check; write a map with "http" or "run"`);
    return undefined;
  }
  const fields = new Fields({ text: item, typed, where, reasons });
  if (fields.has('http') === fields.has('run')) {
    const rest = Object.keys(item).filter(key => !httpKeys.includes(key) && !runKeys.includes(key));
    const other = rest.length > 0 ? `, found ${rest.join(', ')}` : '';
    fields.refuse(`must have exactly one of "http" and "run"${other}`);
    return undefined;
  }
  return fields.has('http') ? readHttp(fields) : readRun(fields);
}

function readHttp(fields: Fields): HttpCheck {
  fields.refuseOthers(httpKeys);
  const target = fields.text('http', pathOrUrl) ?? '/';
  if (fields.has('pods') && !target.startsWith('/')) {
    fields.refuse('pods cannot be used with a URL: only a path can be requested from each pod; remove pods');
  }
  return {
    kind: 'http',
    target,
    method: fields.text('method', oneOf('GET', 'HEAD')) ?? 'GET',
    expect: readExpectation(fields),
    pods: fields.text('pods', oneOf('every', 'any')) ?? 'every',
    ...readTiming(fields),
  };
}

function readRun(fields: Fields): RunCheck {
  fields.refuseOthers(runKeys);
  return { kind: 'run', command: fields.text('run', command) ?? '', ...readTiming(fields) };
}

interface Timing {
  readonly when: CheckStage;
  readonly retryMs: number;
  readonly intervalMs: number;
}

function readTiming(fields: Fields): Timing {
  return {
    when: fields.text('when', oneOf('staged', 'public', 'both')) ?? 'both',
    retryMs: fields.text('retry', duration()) ?? 0,
    intervalMs: fields.text('interval', duration({ atLeastMs: 100 })) ?? 5000,
  };
}

function pathOrUrl(text: string): string {
  const url = /^https?:\/\//.test(text) && URL.canParse(text);
  if (!url && !/^\/\S*$/.test(text)) throw Refusal.accepting('a path such as /healthz, or a URL with http or https');
  if (url && (new URL(text).username !== '' || new URL(text).password !== '')) {
    throw Refusal.because([
      'the URL contains credentials, which would be recorded with the revision; use "run" with an environment variable',
    ]);
  }
  return text;
}

function command(text: string): string {
  if (text.trim() === '') throw Refusal.accepting('a command for the shell');
  return text;
}
