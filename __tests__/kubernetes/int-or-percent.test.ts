import { describe, expect, it } from '@jest/globals';
import { resolveIntOrPercent } from '../../src/kubernetes/int-or-percent.js';

describe('A number of pods or a percentage', () => {
  it.each([
    [2, 'up', 2],
    ['25%', 'up', 2],
    ['25%', 'down', 1],
    ['100%', 'down', 5],
    ['0%', 'up', 0],
    ['2', 'up', undefined],
    [undefined, 'down', undefined],
  ] as const)('%j of 5, rounded %s, is %s', (value, round, expected) => {
    expect(resolveIntOrPercent(value, 5, round)).toBe(expected);
  });
});
