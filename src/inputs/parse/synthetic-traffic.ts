import { Fields, isYamlMap } from '../checks/check-fields.js';
import { readFilledYaml } from '../checks/filled-yaml.js';
import { Refusal, type Parse } from '../refusal.js';
import { integer, refuseHostInPath } from './scalars.js';

/** The steady GET requests that are sent while users are moved from one version to another. */
export type SyntheticTraffic =
  /** To the path of the first `http` check of `verify`, if there is one. */
  { readonly kind: 'auto' } | { readonly kind: 'off' } | TrafficSettings;

/** What a user has set of the requests. */
export interface TrafficSettings {
  readonly kind: 'on';
  /** An absolute http or https URL without credentials. Absent: through the API server to the public Service. */
  readonly url?: string;
  /** Begins with `/`. Absent: the path of the first `http` check of `verify`, else `/`. */
  readonly path?: string;
  /** From 1 to 50. Default 5. */
  readonly perSecond: number;
  /** More failed requests than this end the step. Absent: there is no limit, and failures are only told. */
  readonly maxFailures?: number;
}

/** Requests per second. */
export const defaultRate = 5;
const largestRate = 50;
const keys = ['url', 'path', 'rate', 'max-failures'] as const;

/** Parser of `auto`, `false`, or a YAML map of `url`, `path`, `rate` and `max-failures`. `values` replace its `$<NAME>` placeholders. */
export function syntheticTraffic(values: Readonly<Record<string, string>>): Parse<SyntheticTraffic> {
  return text => {
    if (text === 'auto') return { kind: 'auto' };
    if (text === 'false') return { kind: 'off' };
    const { text: map, written, typed, reasons } = readFilledYaml(text, values);
    if (!isYamlMap(map)) throw Refusal.accepting(`auto | false | a map of ${keys.join(', ')}`);
    // With a placeholder still in it, no value would be right.
    if (reasons.length > 0) throw Refusal.because(reasons);
    const settings = readSettings(new Fields({ text: map, written, typed, where: 'its map', reasons }));
    if (reasons.length > 0) throw Refusal.because(reasons);
    return settings;
  };
}

function readSettings(fields: Fields): TrafficSettings {
  fields.refuseOthers(keys);
  const url = fields.text('url', absoluteUrl);
  const path = fields.text('path', absolutePath);
  const maxFailures = fields.text('max-failures', integer({ min: 0, max: 1_000_000 }));
  if (url !== undefined && path !== undefined && hasPath(url)) {
    fields.refuse('path is set, and url has a path too; write the path in one of them');
  }
  return {
    kind: 'on',
    ...(url !== undefined && { url }),
    ...(path !== undefined && { path }),
    perSecond: fields.text('rate', integer({ min: 1, max: largestRate })) ?? defaultRate,
    ...(maxFailures !== undefined && { maxFailures }),
  };
}

/** Whether an absolute URL names more than a host. */
export function hasPath(url: string): boolean {
  const { pathname, search } = new URL(url);
  return pathname !== '/' || search !== '';
}

const absoluteUrl: Parse<string> = text => {
  const isUrl = /^https?:\/\/\S+$/.test(text) && URL.canParse(text);
  if (!isUrl) throw Refusal.accepting('a URL with http or https, such as https://shop.example.com');
  const { username, password } = new URL(text);
  // Not quoted: the password is part of the text.
  if (username !== '' || password !== '') {
    throw Refusal.because(['url contains credentials, which nobody who visits the application has; leave them out']);
  }
  return text;
};

const absolutePath: Parse<string> = text => {
  refuseHostInPath(text);
  if (/^\/[^\s#\\]*$/.test(text)) return text;
  throw Refusal.accepting('a path such as /healthz');
};
