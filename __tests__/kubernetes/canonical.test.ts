import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonical, hashOf } from '../../src/kubernetes/canonical.js';

describe('canonical JSON', () => {
  it('is JSON of the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        expect(JSON.parse(canonical(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('is equal for equal values, in whatever order their keys were written', () => {
    const entries = fc.uniqueArray(fc.tuple(fc.string(), fc.jsonValue()), { selector: ([key]) => key });
    fc.assert(
      fc.property(entries, drawn => {
        const forward = { inner: Object.fromEntries(drawn) };
        const backward = { inner: Object.fromEntries([...drawn].reverse()) };
        expect(canonical(backward)).toBe(canonical(forward));
      }),
    );
  });
});

describe('the hash of a value', () => {
  it('does not depend on the order of its keys', () => {
    expect(hashOf({ a: 1, b: [{ c: 2, d: 3 }] })).toBe(hashOf({ b: [{ d: 3, c: 2 }], a: 1 }));
    expect(hashOf({ a: [1, 2] })).not.toBe(hashOf({ a: [2, 1] }));
  });
});
