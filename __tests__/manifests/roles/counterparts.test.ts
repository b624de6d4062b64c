import { describe, expect, it } from '@jest/globals';
import { roleName } from '../../../src/manifests/roles/copies.js';
import { isCounterpart, isGivenTo } from '../../../src/manifests/roles/counterparts.js';

const ofRole = (name: string, role: string) => ({ name, role });

describe('names of objects of two roles', () => {
  it.each([
    ['web-blue', 'web-green', true],
    ['blue-web', 'green-web', true],
    ['bluebird-blue', 'bluebird-green', true],
    ['web-blue', 'api-green', false],
    ['web-blue', 'web-green-2', false],
    ['web-blue', 'web-0a1b2c3d-green', false],
  ])('%s and %s: %s', (blue, green, expected) => {
    expect(isCounterpart(ofRole(blue, 'blue'), ofRole(green, 'green'))).toBe(expected);
    expect(isCounterpart(ofRole(green, 'green'), ofRole(blue, 'blue'))).toBe(expected);
  });

  it.each([57, 58, 59, 60, 63])('belong together where a name of %i characters may be too long', length => {
    const name = 'w'.repeat(length);
    const [blue, green] = ['blue', 'green'].map(role => ofRole(roleName(name, role), role)) as [never, never];
    expect(isCounterpart(blue, green)).toBe(true);
    expect(isCounterpart(green, blue)).toBe(true);
  });

  it('do not belong together where two long names begin alike', () => {
    const [one, other] = ['a', 'b'].map(end => `${'w'.repeat(59)}${end}`) as [string, string];
    expect(isCounterpart(ofRole(roleName(one, 'blue'), 'blue'), ofRole(roleName(other, 'green'), 'green'))).toBe(false);
  });
});

describe('a name without a role', () => {
  it.each(['web', 'blue-web', 'w'.repeat(60)])('is %s in manifests without roles', name => {
    expect(isGivenTo(name, ofRole(roleName(name, 'blue'), 'blue'))).toBe(true);
  });

  it('is found where the role stands in front', () => {
    expect(isGivenTo('web', ofRole('blue-web', 'blue'))).toBe(true);
    expect(isGivenTo('api', ofRole('blue-web', 'blue'))).toBe(false);
  });
});
