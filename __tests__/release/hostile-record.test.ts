import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { gzipSync } from 'node:zlib';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { decodeRevision, encodeRevision } from '../../src/release/revision.js';
import { decodeState, encodeState } from '../../src/release/state-record.js';
import {
  anyRevision,
  anyState,
  fullRevision,
  mutated,
  refusalOf,
  revisionSecret,
  stateSecret,
  stored,
} from '../support/records.js';
import { publicRef, staged } from '../support/strategies/shop.js';

describe('the record', () => {
  it('is decoded from its Secret as it was encoded', () => {
    fc.assert(
      fc.property(anyState, given => {
        expect(decodeState(stored(encodeState(given, 'shop')))).toEqual({
          ...stored(given as unknown as KubeObject),
          base: given.base,
        });
      }),
    );
    fc.assert(
      fc.property(anyRevision, given => {
        const secret = encodeRevision(given, { name: 'web', namespace: 'shop' });
        expect(decodeRevision(stored(secret))).toEqual(stored(given as unknown as KubeObject));
      }),
    );
  });

  it('keeps nothing but what Cutover writes', () => {
    const forged = { ...staged(), command: 'rm', __proto__: { staged: { revision: 7 } }, constructor: 'x' };
    expect(decodeState(stateSecret(forged))).toEqual(staged());
  });

  it('is used only with its own type', () => {
    const error = refusalOf(() => decodeState({ ...encodeState(staged(), 'shop'), type: 'Opaque' }));
    expect(error).toMatchObject({
      code: 'record',
      object: 'Secret shop/cutover-web',
      message: 'The release record in Secret shop/cutover-web cannot be used: it is not of type cutover/record',
      hint: expect.stringContaining('delete the Secrets of this release that have the label cutover/record') as unknown,
    });
  });

  it.each([
    {
      what: 'a state of another release',
      secret: encodeState({ ...staged(), release: 'api' }, 'shop'),
      name: 'cutover-web',
      why: 'its annotation cutover/release names another release',
    },
    {
      what: 'a state under another name',
      secret: encodeState(staged(), 'shop'),
      name: 'cutover-api',
      why: 'it has the name of another record',
    },
  ])('is refused with $what', ({ secret, name, why }) => {
    const annotations = { 'cutover/release': 'web' };
    const moved = { ...secret, metadata: { ...secret.metadata, name, annotations } };
    expect(refusalOf(() => decodeState(moved))?.message).toBe(
      `The release record in Secret shop/${name} cannot be used: ${why}`,
    );
  });

  it('of a revision is refused under the name of another one', () => {
    const secret = encodeRevision(fullRevision, { name: 'web', namespace: 'shop' });
    const moved = { ...secret, metadata: { ...secret.metadata, name: 'cutover-web.1' } };
    expect(refusalOf(() => decodeRevision(moved))).toMatchObject({
      code: 'record',
      object: 'Secret shop/cutover-web.1',
    });
  });
});

describe('a hostile record', () => {
  it('of a state is used or refused as a record, and nothing else happens', () => {
    const given = {
      ...staged({
        operation: {
          kind: 'switch',
          direction: 'promote',
          revision: 2,
          role: 'green',
          run: 'r',
          holder: 'h',
          services: [{ before: { ref: publicRef } }],
        },
      }),
    };
    fc.assert(
      fc.property(fc.oneof(mutated(given), fc.jsonValue()), value => {
        expect(refusalOf(() => decodeState(stateSecret(value)))?.code ?? 'record').toBe('record');
      }),
      { numRuns: 500 },
    );
  });

  it('of a revision is used or refused as a record, and nothing else happens', () => {
    fc.assert(
      fc.property(fc.oneof(mutated(fullRevision), fc.jsonValue()), value => {
        const secret = revisionSecret(typeof value === 'object' && value !== null ? value : { objects: value });
        expect(refusalOf(() => decodeRevision(secret))?.code ?? 'record').toBe('record');
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    [
      'bytes that are no JSON',
      { state: Buffer.from('{"sk-secret-1').toString('base64') },
      'its key "state" is not JSON',
    ],
    ['no bytes', { state: '' }, 'its key "state" is not JSON'],
    ['no data', undefined, 'it has no key "state"'],
    ['data that is a list', [], 'it has no key "state"'],
    ['other data', { other: 'sk-secret-1' }, 'it has no key "state"'],
    ['a key that every object has', { toString: 'sk-secret-1' }, 'it has no key "state"'],
    ['a key that is no text', { state: 7 }, 'it has no key "state"'],
  ])('with %s is refused without its text', (_what, data, why) => {
    const error = refusalOf(() => decodeState({ ...encodeState(staged(), 'shop'), data }));
    expect(error).toMatchObject({
      code: 'record',
      object: 'Secret shop/cutover-web',
      message: `The release record in Secret shop/cutover-web cannot be used: ${why}`,
    });
    expect(`${error?.message} ${String(error?.cause)}`).not.toContain('sk-secret-1');
  });

  it('that unpacks to more than a revision may have is refused', () => {
    const bulk = gzipSync(Buffer.alloc(200_000_001), { level: 1 }).toString('base64');
    const secret = { ...revisionSecret({}), data: { info: Buffer.from('{}').toString('base64'), bulk } };
    expect(refusalOf(() => decodeRevision(secret))?.message).toMatch(/its key "bulk" cannot be unpacked$/);
  });
});
