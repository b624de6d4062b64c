import { badRequest, refusal } from './status.js';

/** The maximal size of a body. */
const limit = 3 * 1024 * 1024;

const answered = [
  '*/*',
  'application/*',
  'application/json',
  'application/yaml',
  'application/vnd.kubernetes.protobuf',
];
const offered =
  'application/json, application/yaml, application/vnd.kubernetes.protobuf, application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch';

/** Throws 406 if the client accepts none of the offered types; an absent header accepts all. */
export function checkAccept(accept: string | undefined): void {
  const wanted = (accept ?? '').split(',').map(one => (one.split(';')[0] ?? '').trim());
  if (wanted.some(one => one === '' || answered.includes(one))) return;
  const message = `406: Not Acceptable\n\nAvailable representations: ${offered}`;
  throw refusal(406, 'NotAcceptable', { message, details: {} });
}

/** Throws 415 for an object that is neither JSON nor YAML, 413 for a body that is too large. */
export function checkBody(method: string, contentType: string, bytes: Buffer): void {
  if (bytes.length > limit) {
    throw refusal(413, 'RequestEntityTooLarge', {
      message: `Request entity too large: limit is ${limit}`,
      details: {},
    });
  }
  if (method === 'PATCH' || ['application/json', 'application/yaml'].includes(contentType)) return;
  if (contentType.includes('protobuf')) {
    const message = 'the sandbox reads JSON and YAML only, no protobuf: send a manifest, as in `kubectl create -f`';
    throw refusal(415, 'UnsupportedMediaType', { message, details: {} });
  }
  const types = 'application/json, application/yaml, application/vnd.kubernetes.protobuf';
  const message = `the body of the request was in an unknown format - accepted media types include: ${types}`;
  throw refusal(415, 'UnsupportedMediaType', { message, details: {} });
}

/** How a body that cannot be read is refused: as an object of `kind`, or as a patch. */
export function unreadableBody(method: string, kind: string): (why: string) => Error {
  return why =>
    method === 'PATCH'
      ? badRequest('invalid JSON patch')
      : badRequest(`the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; ${why}`);
}
