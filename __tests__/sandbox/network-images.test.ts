import { describe, expect, it } from '@jest/globals';
import { parseSeconds } from '../../sandbox/network/pods/duration.js';
import { parseImageName } from '../../sandbox/network/programs/image-name.js';
import { parseTag } from '../../sandbox/network/programs/image-tag.js';
import { pullImage } from '../../sandbox/network/programs/images.js';

describe('an image reference', () => {
  it.each([
    ['tomcat', 'docker.io/library/tomcat:latest'],
    ['tomcat:9', 'docker.io/library/tomcat:9'],
    ['someone/site:v1', 'docker.io/someone/site:v1'],
    ['registry.example.com:5000/shop/site:v1', 'registry.example.com:5000/shop/site:v1'],
    ['localhost/site', 'localhost/site:latest'],
    [`site@sha256:${'a'.repeat(64)}`, `docker.io/library/site@sha256:${'a'.repeat(64)}`],
  ])('%s is %s', (reference, full) => {
    expect(parseImageName(reference)?.full).toBe(full);
  });

  it.each(['Tomcat:9', 'tomcat:9:1', 'tomcat:', '', 'a b', 'site:${TAG}', 'site@sha256:12'])(
    '%j is invalid',
    reference => {
      expect(parseImageName(reference)).toBeUndefined();
      const why = `couldn't parse image name "${reference}": invalid reference format`;
      const message = expect.stringContaining(`Failed to apply default image tag "${reference}": ${why}`) as unknown;
      expect(pullImage(reference)).toEqual({ kind: 'invalid', message });
    },
  );
});

describe('a tag', () => {
  it.each([
    ['9', { version: '9' }],
    ['9-http500', { version: '9', failure: 'http500' }],
    ['v2-never-ready', { version: 'v2', failure: 'never-ready' }],
    ['broken', { version: 'broken', failure: 'broken' }],
    ['unbroken', { version: 'unbroken' }],
  ])('%s means %j', (tag, meaning) => {
    expect(parseTag(tag, ['broken', 'never-ready', 'http500'])).toEqual(meaning);
  });
});

describe('a pull', () => {
  it.each(['tomcat:7', 'quay.example.com/mirror/tomcat:9.0.1', 'site:v1', 'me/site', 'task:ok'])(
    'of %s finds it',
    reference => {
      expect(pullImage(reference).kind).toBe('image');
    },
  );

  it.each([
    [
      'site:nosuchtag',
      'rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/library/site:nosuchtag": failed to resolve image: docker.io/library/site:nosuchtag: not found',
    ],
    [
      'nginx:1',
      'failed to pull and unpack image "docker.io/library/nginx:1": failed to resolve reference "docker.io/library/nginx:1": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',
    ],
  ])('of %s is refused with the words of a registry', (reference, message) => {
    expect(pullImage(reference)).toEqual({ kind: 'refused', message });
  });
});

describe('a duration', () => {
  it.each([
    ['5', 5],
    ['1.5s', 1.5],
    ['500ms', 0.5],
    ['1m30s', 90],
    ['never', undefined],
    ['5 s', undefined],
    ['', undefined],
  ])('%j is %j seconds', (text, seconds) => {
    expect(parseSeconds(text)).toBe(seconds);
  });
});
