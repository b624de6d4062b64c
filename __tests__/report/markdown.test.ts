import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { block, code, fit, list, table, text } from '../../src/report/markdown.js';

describe('text', () => {
  it.each([
    ['a & b < c > d', 'a &amp; b &lt; c &gt; d'],
    ['*bold* _it_ ~no~ `code` [x](y) a|b \\', '\\*bold\\* \\_it\\_ \\~no\\~ \\`code\\` \\[x\\](y) a\\|b \\\\'],
    [' two\r\nlines\n', 'two<br>lines'],
    ['$& $1', '$&amp; $1'],
  ])('%j becomes %j', (given, written) => {
    expect(text(given)).toBe(written);
  });

  it('never opens a tag, a code span, a cell or a line of its own', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('<', '>', '&', '`', '|', '\n', '\\', '[', 'a') }), value => {
        const written = text(value)
          .replaceAll('<br>', '')
          .replace(/\\[\\`*_[\]|~]/g, '');
        expect(written).not.toMatch(/[<>`|\n[]/);
      }),
    );
  });

  it('is cut where it is very long', () => {
    expect(text('x'.repeat(3_000))).toBe('(3000 characters)');
  });
});

describe('code', () => {
  it.each([
    ['web', '`web`'],
    ['a|b', '`a\\|b`'],
    ['a`b``c', '```a`b``c```'],
    ['`a`', '`` `a` ``'],
    ['two\nlines', '`two lines`'],
  ])('%j becomes %j', (given, written) => {
    expect(code(given)).toBe(written);
  });

  it('in a block has a fence longer than any inside', () => {
    expect(block('yaml', '```\n````\n')).toBe('`````yaml\n```\n````\n`````');
  });
});

it('tables and lists show the first entries and count the rest', () => {
  expect(table(['A'], [['1'], ['2'], ['3']], { limit: 2 })).toBe('| A |\n| --- |\n| 1 |\n| 2 |\n\n…and 1 more.');
  expect(list(Array.from({ length: 102 }, (_, index) => `${index}`))).toMatch(/- 99\n\n…and 2 more\.$/);
});

describe('text that must fit', () => {
  it('is left alone when it does', () => {
    expect(fit('short', 5)).toBe('short');
  });

  it('is cut at a line’s end, and an open block of code is closed', () => {
    const cut = fit(`a\n\`\`\`\`yaml\n\`\`\`\n${'line\n'.repeat(1_000)}\`\`\`\`\n`, 1_000);
    expect(cut).toMatch(/\nline\n````\n\n\*Cut here, because it is too long\. The log has all of it\.\*\n$/);
  });

  it('never exceeds the bytes allowed, however wide its characters are', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 80 }), { maxLength: 60 }), lines => {
        expect(Buffer.byteLength(fit(lines.join('\n'), 500))).toBeLessThanOrEqual(500);
      }),
    );
  });
});
