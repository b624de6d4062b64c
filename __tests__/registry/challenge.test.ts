import { describe, expect, it } from '@jest/globals';
import { isLoopback, manifestUrl } from '../../src/registry/address.js';
import { imageStatus, retryAfterSeconds } from '../../src/registry/answer.js';
import { parseChallenge } from '../../src/registry/challenge.js';
import { parseReference } from '../../src/inputs/parse/image-reference.js';

describe('the challenge of a registry', () => {
  it('is parsed in the format of Docker Hub', () => {
    const header =
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull"';
    expect(parseChallenge(header)).toEqual({
      scheme: 'bearer',
      realm: new URL('https://auth.docker.io/token'),
      service: 'registry.docker.io',
      scope: 'repository:library/nginx:pull',
    });
  });

  it('may contain commas and quotes in its values, and no scope', () => {
    const header = 'bearer service="a, \\"b\\"", realm=https://r.test/t';
    expect(parseChallenge(header)).toEqual({ scheme: 'bearer', realm: new URL('https://r.test/t'), service: 'a, "b"' });
  });

  it.each([
    ['Basic realm="x"', { scheme: 'basic' }],
    ['Bearer realm="not a url", Basic realm="x"', { scheme: 'basic' }],
    ['Bearer realm="file:///etc/passwd"', undefined],
    ['Negotiate', undefined],
    [undefined, undefined],
  ])('%j is parsed as %j', (header, challenge) => {
    expect(parseChallenge(header)).toEqual(challenge);
  });
});

describe('the address of a manifest', () => {
  it.each([
    ['nginx', 'https://registry-1.docker.io/v2/library/nginx/manifests/latest'],
    ['ghcr.io/a/b:1', 'https://ghcr.io/v2/a/b/manifests/1'],
    ['localhost:5000/app:2', 'http://localhost:5000/v2/app/manifests/2'],
    ['127.0.0.1:5000/app:2', 'http://127.0.0.1:5000/v2/app/manifests/2'],
    ['[::1]:5000/app:2', 'http://[::1]:5000/v2/app/manifests/2'],
    ['reg:5000/app:2', 'https://reg:5000/v2/app/manifests/2'],
  ])('of %s is %s', (image, url) => {
    expect(manifestUrl(parseReference(image)!).href).toBe(url);
  });

  it('of another host is never plain http, whatever its name', () => {
    expect(['127.0.0.1.example.com', 'localhost.example.com:80', '10.0.0.1:5000'].some(isLoopback)).toBe(false);
  });
});

describe('the answer of a registry', () => {
  it('means that an image does not exist only by its error code', () => {
    const body = (code: string): string => JSON.stringify({ errors: [{ code, message: 'some\nwords' }] });
    const kinds = ['MANIFEST_UNKNOWN', 'NAME_UNKNOWN', 'DENIED', 'unknown'].map(
      code => imageStatus({ status: 404, headers: {}, body: body(code) }, 'none').kind,
    );
    expect(kinds).toEqual(['missing', 'missing', 'unknown', 'unknown']);
    expect(imageStatus({ status: 404, headers: {}, body: body('NAME_UNKNOWN') }, 'none')).toMatchObject({
      reason: 'it answered 404 NAME_UNKNOWN: some words',
    });
  });

  it.each([
    ['7', 7],
    [undefined, 1],
    ['soon', 1],
    ['Thu, 01 Jan 1970 00:00:12 GMT', 2],
    ['Thu, 01 Jan 1970 00:00:01 GMT', 0],
  ])('with Retry-After %j is retried after %d s', (header, seconds) => {
    expect(retryAfterSeconds(header, 10_000)).toBe(seconds);
  });
});
