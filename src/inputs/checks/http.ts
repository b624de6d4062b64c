import { oneOf, refuseHostInPath } from '../parse/scalars.js';
import { Refusal } from '../refusal.js';
import { readTiming, timingKeys, type CheckKind, type CheckTiming } from './check.js';
import { readSideUrl, type SideUrl } from './side-url.js';
import { expectationKeys, readExpectation, type Expectation } from './expectations.js';
import type { Fields } from './check-fields.js';

/** Request for a path behind the Service under test, or for an absolute URL. */
export interface HttpCheck extends CheckTiming, SideUrl {
  readonly kind: 'http';
  /** A path (`/healthz`) or an absolute http(s) URL. */
  readonly target: string;
  readonly method: 'GET' | 'HEAD';
  readonly expect: Expectation;
  /** `every`: each new pod and the Service must respond as expected (default). `any`: the response of the Service is enough. */
  readonly pods: 'every' | 'any';
}

/** The kind `http`. */
export const httpKind: CheckKind<HttpCheck> = {
  kind: 'http',
  keys: ['http', 'method', ...expectationKeys, 'pods', 'url', ...timingKeys],
  read: readHttp,
};

function readHttp(fields: Fields): HttpCheck {
  const target = fields.text('http', pathOrUrl) ?? '/';
  if (fields.has('pods') && !target.startsWith('/')) {
    fields.refuse('pods cannot be used with a URL: only a path can be requested from each pod; remove pods');
  }
  if (fields.has('url') && !target.startsWith('/')) {
    fields.refuse('url cannot be used with a URL: it is the address for a path; remove url');
  }
  return {
    kind: 'http',
    target,
    method: fields.text('method', oneOf('GET', 'HEAD')) ?? 'GET',
    expect: readExpectation(fields),
    pods: fields.text('pods', oneOf('every', 'any')) ?? 'every',
    ...readSideUrl(fields),
    ...readTiming(fields),
  };
}

function pathOrUrl(text: string): string {
  refuseHostInPath(text);
  const url = /^https?:\/\//.test(text) && URL.canParse(text);
  if (!url && !/^\/\S*$/.test(text)) throw Refusal.accepting('a path such as /healthz, or a URL with http or https');
  if (url && (new URL(text).username !== '' || new URL(text).password !== '')) {
    throw Refusal.because([
      'the URL contains credentials, which would be recorded with the revision; use "run" with an environment variable',
    ]);
  }
  return text;
}
