import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { dump } from 'js-yaml';
import { render, type Overrides } from '../support/rendering.js';

/** A leaf of a manifest, and what it becomes for a role. */
interface Leaf {
  readonly written: unknown;
  readonly rendered: (role: string) => unknown;
}

type Tree = Leaf | readonly Tree[] | { readonly [name: string]: Tree };

const isLeaf = (tree: Tree): tree is Leaf => 'rendered' in tree && typeof tree.rendered === 'function';

/** The tree with every leaf replaced. */
function mapped(tree: Tree, leafOf: (leaf: Leaf) => unknown): unknown {
  if (isLeaf(tree)) return leafOf(tree);
  if (Array.isArray(tree)) return (tree as readonly Tree[]).map(item => mapped(item, leafOf));
  return Object.fromEntries(Object.entries(tree).map(([name, below]) => [name, mapped(below, leafOf)]));
}

function leavesOf(tree: Tree): readonly Leaf[] {
  if (isLeaf(tree)) return [tree];
  return Object.values(tree as Readonly<Record<string, Tree>>).flatMap(leavesOf);
}

const fixed = (value: unknown): Leaf => ({ written: value, rendered: () => value });
const plainText = fc.string().filter(text => !text.includes('$'));
const number = fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }));
const leaf: fc.Arbitrary<Leaf> = fc.oneof(
  plainText.map(fixed),
  fc.constantFrom('0644', 'yes', 'null', '1.10', '~', '22:22', '', ' x ', '# no', 'a: b', '\n', '0o7').map(fixed),
  number.map(value => fixed(Object.is(value, -0) ? 0 : value)),
  fc.boolean().map(fixed),
  fc
    .tuple(plainText, fc.constantFrom('$<TARGET_ROLE>', '${TARGET_ROLE}'), plainText)
    .map(([before, mention, after]) => ({
      // Quoted by its first character, so that it is text for every role.
      written: `x${before}${mention}${after}`,
      rendered: (role: string) => `x${before}${role}${after}`,
    })),
);
const name = fc.stringMatching(/^[a-z][a-zA-Z]{0,7}$/);
const { tree } = fc.letrec<{ tree: Tree }>(tie => ({
  tree: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    leaf,
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(name, tie('tree'), { maxKeys: 4 }),
  ),
}));
const trees = fc.array(tree, { minLength: 1, maxLength: 4 });

const manifestOf = (specs: readonly Tree[]): string =>
  specs
    .map((spec, index) => ({
      apiVersion: 'example.org/v1',
      kind: 'Thing',
      metadata: { name: `thing-${index}` },
      spec: mapped(spec, ({ written }) => written),
    }))
    .map(object => dump(object))
    .join('---\n');

const objectsOf = (text: string, overrides: Overrides = {}) => render(text, overrides).resources.map(one => one.object);
const specsFor = (text: string, role: string): unknown[] =>
  objectsOf(text, { variables: { TARGET_ROLE: role } }).map(({ spec }) => spec);
const runs = { numRuns: 500 };

describe('rendering', () => {
  it('has the same result for the same text every time', () => {
    fc.assert(
      fc.property(trees, specs => {
        const text = manifestOf(specs);
        const variables = { TARGET_ROLE: 'blue' };
        const once = render(text, { variables });
        const again = render(text, { variables });
        expect(JSON.stringify(again)).toBe(JSON.stringify(once));
      }),
      runs,
    );
  });

  it('for blue and for green differs only in the role', () => {
    fc.assert(
      fc.property(trees, specs => {
        const text = manifestOf(specs);
        const expected = (role: string) => specs.map(spec => mapped(spec, ({ rendered }) => rendered(role)));
        const blue = specsFor(text, 'blue');
        const green = specsFor(text, 'green');
        expect(blue).toEqual(expected('blue'));
        expect(green).toEqual(expected('green'));
        const mentions = specs.flatMap(leavesOf).some(one => one.rendered('blue') !== one.rendered('green'));
        expect(JSON.stringify(blue) === JSON.stringify(green)).toBe(!mentions);
      }),
      runs,
    );
  });

  it('is idempotent, for output as YAML, as JSON and as a list', () => {
    fc.assert(
      fc.property(trees, specs => {
        const first = objectsOf(manifestOf(specs), { variables: { TARGET_ROLE: 'blue' } });
        const list = { apiVersion: 'v1', kind: 'List', items: first };
        const printed = [
          first.map(object => dump(object)).join('---\n'),
          first.map(object => dump(object, { flowLevel: 2 })).join('---\n'),
          first.map(object => JSON.stringify(object, undefined, 2)).join('\n---\n'),
          dump(list),
          JSON.stringify(list),
          dump(list).replaceAll('\n', '\r\n'),
        ];
        for (const text of printed) expect(objectsOf(text, { substitution: 'off' })).toEqual(first);
      }),
      runs,
    );
  });
});
