import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { render } from '../../support/rendering.js';

const nasty = [
  '\n',
  '\r\n',
  '\r',
  '\u0085',
  '\u2028',
  '\t',
  '\u0000',
  '\u001b[31m',
  '\uFEFF',
  '\uD800',
  ': ',
  ':',
  ' #',
  '#',
  '"',
  "'",
  '\\',
  '\\"',
  "''",
  '- ',
  '? ',
  '{',
  '}',
  '[',
  ']',
  ',',
  '&a ',
  '*a',
  '<<: *a',
  '!!int ',
  '!!binary ',
  '|',
  '>-',
  '%YAML 1.1',
  '@',
  '`',
  '---',
  '\n---\n',
  '...\n',
  '\nkind: Pod\n',
  '\n  injected: true\n',
  '", "injected": "x',
  '$<V>',
  '${V}',
  '$V',
  '$$<V>',
  '$<NOPE>',
  '$(V)',
  '{{ .Values }}',
  '__proto__',
  'null',
  'true',
  '0644',
  '1e999',
  'ünï—😀',
  '\u202e',
  ' ',
  'a',
];

const hostile = fc.oneof(
  fc.array(fc.constantFrom(...nasty), { minLength: 1, maxLength: 6 }).map(parts => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ maxLength: 40 }),
);

/** Every way to write a scalar, twice over, in two documents. */
const text = `apiVersion: example.org/v1
kind: Thing # $<NOPE> in a comment
metadata:
  name: a
  annotations: {note: $<V>, "x$<V>": k}
spec:
  plain: x$<V>
  bare: $<V>
  "double": "$<V>"
  single: '$<V>'
  literal: |-
    $<V>
  folded: >-
    $<V>
  key:
    k-$<V>: w
  list: [x$<V>, "\${V}", two]
  map: {a: x$V, b: c}
  anchored: &anchor x$<V>
  alias: *anchor
  last: last
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
data: {"a$<V>": $<V>, z: z}
`;

describe('substitution', () => {
  it('inserts 10 000 hostile values correctly, and changes nothing else', () => {
    fc.assert(
      fc.property(hostile, value => {
        const { resources } = render(text, { variables: { V: value } });
        expect(resources).toHaveLength(2);
        const { spec, metadata } = resources[0]!.object as unknown as {
          spec: Record<string, unknown>;
          metadata: { name: string; annotations: Record<string, string> };
        };
        const { bare, ...written } = spec;
        const prefixed = `x${value}`;
        expect(written).toEqual({
          plain: prefixed,
          double: value,
          single: value,
          literal: value,
          folded: value,
          key: { [`k-${value}`]: 'w' },
          list: [prefixed, value, 'two'],
          map: { a: prefixed, b: 'c' },
          anchored: prefixed,
          alias: prefixed,
          last: 'last',
        });
        // Typed by its text, and so perhaps a number or nothing, but never a map or a list.
        expect(bare === undefined || ['string', 'number', 'boolean'].includes(typeof bare)).toBe(true);
        if (typeof bare === 'string') expect(bare).toBe(value);
        expect(metadata.name).toBe('a');
        expect(metadata.annotations[prefixed]).toBe('k');
        const { data } = resources[1]!.object as unknown as { data: Record<string, string> };
        expect(data['z']).toBe('z');
        const own = data[`a${value}`];
        if (own !== undefined) expect(own).toBe(value);
        expect(Object.keys(data)).toHaveLength(own === undefined ? 1 : 2);
      }),
      { numRuns: 10_000 },
    );
  }, 300_000);

  it('reports a problem of 1 000 hostile texts without a value or leaves them unchanged, and never throws', () => {
    fc.assert(
      fc.property(hostile, value => {
        const scalar = JSON.stringify(`$<${value}> $\{${value}} $${value} $<V:-${value}>`);
        const manifest = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: ${scalar}, z: z}\n`;
        try {
          const { object } = render(manifest, { variables: { V: 'v' } }).resources[0]!;
          expect(object['data']).toMatchObject({ z: 'z' });
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'manifest' });
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
