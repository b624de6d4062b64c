import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A test as a page of docs/ names it: a file of `__tests__/` without its ending, and a title in it. */
export type Proof = readonly [file: string, title: string];

/** The proofs in the last column of a page's tables: `` `scenarios/rolling`: a title``, several separated by `<br>`. */
export function proofsOf(page: string): readonly Proof[] {
  return page
    .split('\n')
    .filter(line => line.startsWith('| '))
    .flatMap(line => (line.split('|').at(-2) ?? '').split('<br>'))
    .flatMap(text => {
      const [, file, title] = /^\s*`(\S+)`: (.*?)\s*$/.exec(text) ?? [];
      return file === undefined || title === undefined ? [] : [[file, title] as const];
    });
}

/** Whether a test of the file has this title: literally, or by a template with texts of the file or of what it imports. */
export function hasTest([file, title]: Proof): boolean {
  const source = sourcesOf(`__tests__/${file}.test.ts`);
  return isTitle(source, title) || templatesOf(source).some(template => fits(source, template, title));
}

/** The text of a test file, and of the files that it imports from `__tests__/support/`, directly or not. */
function sourcesOf(file: string, seen = new Set<string>()): string {
  if (seen.has(file) || !existsSync(file)) return '';
  seen.add(file);
  const text = readFileSync(file, 'utf8');
  const imports = [...text.matchAll(/ from '(\.[^']+)\.js'/g)].map(
    ([, path]) => `${join(dirname(file), path ?? '')}.ts`,
  );
  const own = imports.filter(path => path.startsWith('__tests__/support/'));
  return [text, ...own.map(path => sourcesOf(path, seen))].join('\n');
}

/** Whether a test, or a group of tests, has the text as its title: `it('…'`, `it.each(…)('…'`, or a row of `it.each(…)('$what'`. */
function isTitle(source: string, text: string): boolean {
  const calls = /(?:\b(?:it|test|race|scenario|scenarioWithoutGolden|describe|describeEmbedded)|\))\(\s*/.source;
  const before = source.includes("('$what'") ? `(?:${calls}|\\bwhat: )` : calls;
  return ["'", '"', '`'].some(quote => new RegExp(before + quote + escaped(text) + quote).test(source));
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** Whether the text is the whole of a string literal of the source. */
function isText(source: string, text: string): boolean {
  return [`'${text}'`, `"${text}"`, `\`${text}\``].some(literal => source.includes(literal));
}

/** Literals with places for other texts: `${what}`, or `%s` of `it.each`. */
function templatesOf(source: string): readonly string[] {
  const literals = [...source.matchAll(/`([^`\n]*)`/g), ...source.matchAll(/'([^'\n]*)'/g)];
  return literals.flatMap(([, text = '']) => (places.test(text) ? [text] : []));
}

const places = /\$\{[^}]*\}|%s/;

function fits(source: string, template: string, title: string): boolean {
  const parts = template.split(new RegExp(places, 'g'));
  // A template without words of its own would fit every title.
  if (!parts.some(part => /\w{4}/.test(part))) return false;
  const pattern = parts.map(escaped).join('(.+?)');
  const texts = new RegExp(`^${pattern}$`).exec(title)?.slice(1);
  return texts?.every(text => isText(source, text)) ?? false;
}
