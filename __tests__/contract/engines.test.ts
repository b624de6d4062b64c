import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

interface Lock {
  readonly packages: Readonly<Record<string, { readonly engines?: { readonly node?: string } }>>;
}

const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as { engines: { node: string } };
const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as Lock;

/** The oldest version of each line of Node that package.json promises. */
const oldest = engines.node.split('||').map(range => numbersOf(range.replace(/[^0-9.]/g, '')));

describe('the versions of Node that package.json promises', () => {
  it.each(oldest.map(version => [version.join('.'), version] as const))(
    'include %s, which every package of the lock accepts: npm ci prints no warning',
    (_, version) => {
      const refusing = Object.entries(packages).filter(([, { engines: own }]) => !satisfies(version, own?.node ?? '*'));
      expect(refusing.map(([name, { engines: own }]) => `${name}: ${own?.node}`)).toEqual([]);
    },
  );

  it('are those that README.md and CONTRIBUTING.md name, and the oldest is tested', () => {
    const [first, ...others] = oldest.map(version => version.join('.').replace(/(\.0)+$/, ''));
    const names = `Node (${[first, ...others].join(', ')} or later)`;
    for (const page of ['README.md', 'CONTRIBUTING.md']) expect(readFileSync(page, 'utf8')).toContain(names);
    expect(readFileSync('.github/workflows/ci.yml', 'utf8')).toContain(`node: ['${oldest[0]?.[0]}', '24']`);
  });

  it('know every function that the compiler lets through', () => {
    const { compilerOptions } = JSON.parse(readFileSync('tsconfig.json', 'utf8')) as {
      compilerOptions: { lib: readonly string[] };
    };
    // Of ES2024, Node 20 has the functions of strings, and not `Map.groupBy` or `Promise.withResolvers`.
    expect(compilerOptions.lib).toEqual(['ES2023', 'ES2024.String']);
  });
});

/** Whether a version is in a range of the forms that packages of the lock use. */
function satisfies(version: readonly number[], range: string): boolean {
  return range.split('||').some(part =>
    part
      .trim()
      .replace(/([<>=^~]+)\s+/g, '$1')
      .split(/\s+/)
      .every(comparator => {
        const [, operator = '', rest = ''] = /^([<>=^~]*)(.*)$/.exec(comparator) ?? [];
        const limit = numbersOf(rest);
        const order = compare(version, limit);
        if (limit.length === 0) return true;
        if (operator === '>=') return order >= 0;
        if (operator === '>') return order > 0;
        if (operator === '<=') return order <= 0;
        if (operator === '<') return order < 0;
        // `^20.9.0`, `20`: of that line.
        return order >= 0 && version[0] === limit[0];
      }),
  );
}

function compare(one: readonly number[], other: readonly number[]): number {
  const index = [0, 1, 2].find(place => (one[place] ?? 0) !== (other[place] ?? 0)) ?? 0;
  return (one[index] ?? 0) - (other[index] ?? 0);
}

function numbersOf(version: string): readonly number[] {
  return version.split('.').filter(Boolean).map(Number).filter(Number.isInteger);
}
