import { describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { CutoverError } from '../../src/errors.js';
import { isSecret } from '../../src/kubernetes/kinds.js';
import type { KubeObject } from '../../src/kubernetes/object.js';
import {
  authorOf,
  decodeRevision,
  encodeRevision,
  historyEntry,
  imagesOf,
  secretHash,
  withoutSecrets,
  type Revision,
} from '../../src/release/revision.js';
import { recordRef } from '../../src/release/record-secret.js';
import { runOf } from '../support/strategies/context.js';

const configMap = (data: Readonly<Record<string, string>>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'settings', namespace: 'shop' },
  data,
});
const secret = (data: Readonly<Record<string, string>>, more: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'db', namespace: 'shop' },
  data,
  ...more,
});
const revision = (more: Partial<Revision> = {}): Revision => ({
  ...authorOf(runOf(7)),
  number: 3,
  strategy: 'rolling',
  objects: [configMap({ KEY: 'value' })],
  secrets: [],
  publicServices: [],
  shared: [],
  applyAfterSwitch: [],
  before: [{ ref: { apiVersion: 'v1', kind: 'ConfigMap', name: 'settings', namespace: 'shop' } }],
  checks: [],
  force: false,
  contentHash: 'abc',
  images: [],
  at: '2026-03-01T12:00:00.000Z',
  ...more,
});
const place = { name: 'web', namespace: 'shop' };
const dataWith = (change: object) => ({
  data: { ...(encodeRevision(revision(), place)['data'] as object), ...change },
});
const errorOf = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error;
  }
};

describe('the record of a revision', () => {
  it('is in its own Secret, compressed only in part', () => {
    const object = encodeRevision(revision({ images: ['site:v1'] }), place);
    expect(object).toMatchObject({
      kind: 'Secret',
      type: 'cutover/record',
      metadata: {
        name: 'cutover-web.3',
        namespace: 'shop',
        labels: { 'app.kubernetes.io/managed-by': 'cutover', 'cutover/record': 'revision' },
        annotations: { 'cutover/release': 'web' },
      },
    });
    expect(JSON.parse(Buffer.from((object['data'] as { info: string }).info, 'base64').toString())).toMatchObject({
      number: 3,
      images: ['site:v1'],
      actor: 'alice',
      run: 'https://github.com/acme/shop/actions/runs/7',
    });
    expect(recordRef('web', 'shop', 3).name).toBe('cutover-web.3');
  });

  it('is read by the commands of the documentation', () => {
    const parts = withoutSecrets([configMap({ KEY: 'value' }), secret({ password: 'canary' })]);
    const { data } = encodeRevision(revision(parts), place);
    const text = readFileSync('docs/troubleshooting.md', 'utf8');
    const commands = [...text.matchAll(/^kubectl .* -o jsonpath='\{\.data\.(\w+)\}' \| (.*)$/gm)];
    const read = commands.map(([, key = '', command = '']): unknown => {
      const input = String((data as Readonly<Record<string, string>>)[key]);
      return JSON.parse(execFileSync('sh', ['-c', command], { input, encoding: 'utf8' }));
    });
    expect(read).toMatchObject([
      { number: 3, sha: expect.any(String), checks: [], secrets: [{ ref: { name: 'db' }, hash: expect.any(String) }] },
      { objects: [configMap({ KEY: 'value' })], shared: [], before: [{ ref: { name: 'settings' } }] },
    ]);
    expect(JSON.stringify(read)).not.toContain('canary');
  });

  it('is the same text for the same revision, so that writing it twice changes nothing', () => {
    expect(encodeRevision(revision(), place)).toEqual(encodeRevision(revision(), place));
  });

  it('that is too big is rejected before anything is written, with its size', () => {
    const big = revision({ objects: [configMap({ blob: randomBytes(1_100_000).toString('base64') })] });
    const error = errorOf(() => encodeRevision(big, place));
    expect(error).toBeInstanceOf(CutoverError);
    expect(error).toMatchObject({
      code: 'record',
      object: 'Secret shop/cutover-web.3',
      message: expect.stringMatching(
        /^Revision 3 of web is too big for its record: \d{7} bytes compressed, but a Secret is limited to 1000000$/,
      ) as unknown,
      // Splitting would not help.
      hint: expect.stringMatching(
        /^ConfigMap shop\/\S+ alone has \d{7} bytes: put its files into the image/,
      ) as unknown,
    });
    const objects = [1, 2, 3].map(() => configMap({ blob: randomBytes(350_000).toString('base64') }));
    expect(errorOf(() => encodeRevision(revision({ objects }), place))).toMatchObject({
      hint: 'Split the manifests into several releases.',
    });
  });

  it('may be much bigger than a Secret as long as it can be compressed', () => {
    const given = revision({ objects: [configMap({ text: 'the same again and again '.repeat(100_000) })] });
    expect(decodeRevision(encodeRevision(given, place))).toEqual(given);
  });

  it.each([
    ['without its data', { data: undefined }, 'it has no key "info"'],
    ['without its bulk', dataWith({ bulk: undefined }), 'it has no key "bulk"'],
    [
      'with a bulk that is no gzip',
      dataWith({ bulk: Buffer.from('plain').toString('base64') }),
      'its key "bulk" cannot be unpacked',
    ],
    ['with a bulk that is cut off', dataWith({ bulk: 'H4sIAAAAAAACA6tWyk8' }), 'its key "bulk" cannot be unpacked'],
    ['with a bulk that is no JSON', dataWith({ bulk: gzipSync('{').toString('base64') }), 'its key "bulk" is not JSON'],
    ['with another text', dataWith({ info: Buffer.from('{').toString('base64') }), 'its key "info" is not JSON'],
    ['of another type', { type: 'Opaque' }, 'it is not of type cutover/record'],
  ])('%s cannot be read: an error, not a partial revision', (_what, change, why) => {
    const object = { ...encodeRevision(revision(), place), ...change };
    expect(errorOf(() => decodeRevision(object))).toMatchObject({
      code: 'record',
      object: 'Secret shop/cutover-web.3',
      message: `The release record in Secret shop/cutover-web.3 cannot be used: ${why}`,
      hint: expect.stringContaining('the next deploy then starts a new record') as unknown,
    });
  });
});

describe('Secrets', () => {
  const canary = 'correct-horse-battery-staple';
  const encoded = Buffer.from(canary).toString('base64');

  it('are never in a record: only their name and a hash are', () => {
    const { objects, secrets } = withoutSecrets([configMap({ KEY: 'value' }), secret({ password: encoded })]);
    expect(objects).toEqual([configMap({ KEY: 'value' })]);
    expect(secrets).toEqual([
      {
        ref: { apiVersion: 'v1', kind: 'Secret', name: 'db', namespace: 'shop' },
        hash: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
      },
    ]);
    const stored = encodeRevision(revision({ objects, secrets }), place);
    const { bulk, info } = stored['data'] as { bulk: string; info: string };
    const unpacked = [Buffer.from(info, 'base64'), gunzipSync(Buffer.from(bulk, 'base64'))];
    const everything = JSON.stringify(stored) + unpacked.join('');
    expect(everything).toContain('"value"');
    expect(everything).not.toContain(canary);
    expect(everything).not.toContain(encoded);
  });

  it.each([
    ['other data', secret({ password: 'b3RoZXI=' }), false],
    ['another key', secret({ token: encoded }), false],
    ['another type', secret({ password: encoded }, { type: 'kubernetes.io/tls' }), false],
    ['the default type, as the API server fills it in', secret({ password: encoded }, { type: 'Opaque' }), true],
    ['other labels', { ...secret({ password: encoded }), metadata: { name: 'other', labels: { a: 'b' } } }, true],
  ])('with %s: the same hash is %s', (_what, other, same) => {
    expect(secretHash(other) === secretHash(secret({ password: encoded }))).toBe(same);
  });

  it('without data have a hash too', () => {
    expect(secretHash({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'db' } })).toBe(secretHash(secret({})));
  });

  it.each([
    ['v1', 'Secret', true],
    ['v1', 'ConfigMap', false],
    ['example.org/v1', 'Secret', false],
  ])('%s %s is one: %s', (apiVersion, kind, expected) => {
    expect(isSecret({ apiVersion, kind })).toBe(expected);
  });
});

describe('the images of a release', () => {
  const workload = (kind: string, spec: unknown): KubeObject => ({
    apiVersion: 'apps/v1',
    kind,
    metadata: { name: 'x' },
    spec,
  });
  const pod = (...images: readonly string[]) => ({ containers: images.map(image => ({ name: image, image })) });

  it('are those of all containers and init containers, sorted, each once', () => {
    const objects = [
      workload('Deployment', { template: { spec: { initContainers: [{ image: 'b:1' }], ...pod('c:1', 'a:1') } } }),
      workload('CronJob', { jobTemplate: { spec: { template: { spec: pod('a:1', 'd:1') } } } }),
      workload('Pod', pod('e:1')),
      configMap({ containers: 'f:1' }),
    ];
    expect(imagesOf(objects)).toEqual(['a:1', 'b:1', 'c:1', 'd:1', 'e:1']);
  });

  it.each([
    ['a container without an image', pod()],
    ['a custom resource that calls a map so', { containers: { web: { image: 'x' } } }],
    ['the schema of a custom resource', { schema: { properties: { containers: { type: 'array', items: {} } } } }],
    ['items that are no containers', { containers: ['web', null, 7, { image: 7 }, { name: 'x' }] }],
    ['null', { containers: null, initContainers: null }],
    ['no spec at all', undefined],
  ])('are none for %s', (_what, spec) => {
    expect(imagesOf([workload('Thing', spec)])).toEqual([]);
  });
});

describe('a history entry', () => {
  it('of a revision has author, outcome, images and time', () => {
    expect(historyEntry(runOf(7), revision({ images: ['site:v1'], role: 'green' }), 'switched')).toEqual({
      revision: 3,
      outcome: 'switched',
      role: 'green',
      images: ['site:v1'],
      sha: '0123456789abcdef0123456789abcdef01234567',
      run: 'https://github.com/acme/shop/actions/runs/7',
      actor: 'alice',
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as unknown,
    });
    expect(historyEntry(runOf(7), revision(), 'failed')).not.toHaveProperty('role');
  });

  it('has equal content where a rollback would change nothing', () => {
    const contentOf = (more: Partial<Revision>): string | undefined => {
      const { role: _role, ...served } = revision(more);
      return historyEntry(runOf(7), served, 'deployed').content;
    };
    const [map, job] = ['ConfigMap', 'Job'].map(kind => ({ apiVersion: 'v1', kind, metadata: { name: kind } }));
    const secret = { ref: { apiVersion: 'v1', kind: 'Secret', name: 'keys', namespace: 'shop' }, hash: '1' };
    const base = contentOf({ objects: [map!] });
    expect(base).toMatch(/^[0-9a-f]{32}$/);
    expect(contentOf({ objects: [map!, job!], number: 9, contentHash: 'other' })).toBe(base);
    expect(contentOf({ objects: [{ ...map!, data: { a: '1' } }] })).not.toBe(base);
    expect(contentOf({ objects: [map!], secrets: [secret] })).not.toBe(base);
    for (const [outcome, role] of [['failed'], ['switched', 'green']] as const)
      expect(historyEntry(runOf(7), revision({ ...(role && { role }) }), outcome)).not.toHaveProperty('content');
  });
});
