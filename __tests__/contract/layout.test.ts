import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const folders = ['src', ...readdirSync('src', { recursive: true, withFileTypes: true }).filter(isFolder).map(pathOf)];

function isFolder(entry: { isDirectory(): boolean }): boolean {
  return entry.isDirectory();
}

function pathOf({ parentPath, name }: { readonly parentPath: string; readonly name: string }): string {
  return join(parentPath, name);
}

function linesOf(file: string): number {
  return readFileSync(file, 'utf8').trimEnd().split('\n').length;
}

describe('The layout of src/', () => {
  it('has at most 15 files in a folder', () => {
    const sizes = folders.map(folder => {
      const files = readdirSync(folder, { withFileTypes: true }).filter(entry => entry.isFile());
      return { folder, files: files.length };
    });
    expect(sizes.length).toBeGreaterThan(20);
    expect(sizes.filter(({ files }) => files > 15)).toEqual([]);
  });

  it('has no file of more than 250 lines', () => {
    const sizes = readdirSync('src', { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => ({ file: pathOf(entry), lines: linesOf(pathOf(entry)) }));
    expect(sizes.length).toBeGreaterThan(100);
    expect(sizes.filter(({ lines }) => lines > 250)).toEqual([]);
  });

  it('has a main.ts of at most 120 lines', () => {
    expect(linesOf('src/main.ts')).toBeLessThanOrEqual(120);
  });

  it('has every layer of the lint rule in the table of docs/architecture.md', async () => {
    const { layers } = (await import(join('../../eslint', 'layers.js'))) as { readonly layers: readonly string[] };
    const page = readFileSync('docs/architecture.md', 'utf8');
    const inSource = readdirSync('src', { withFileTypes: true })
      .filter(isFolder)
      .map(({ name }) => name);
    expect(inSource.sort()).toEqual([...layers].sort());
    const rows = page.split('\n').flatMap(line => /^\| `src\/(\w+)\/` /.exec(line)?.[1] ?? []);
    expect(rows.sort()).toEqual([...layers].sort());
  });
});
