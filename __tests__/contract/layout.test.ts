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

describe('The layout of src/', () => {
  it('has at most 15 files in a folder', () => {
    const sizes = folders.map(folder => {
      const files = readdirSync(folder, { withFileTypes: true }).filter(entry => entry.isFile());
      return { folder, files: files.length };
    });
    expect(sizes.length).toBeGreaterThan(20);
    expect(sizes.filter(({ files }) => files > 15)).toEqual([]);
  });

  it('has a main.ts of at most 120 lines', () => {
    const lines = readFileSync('src/main.ts', 'utf8').trimEnd().split('\n').length;
    expect(lines).toBeLessThanOrEqual(120);
  });

  it('has every layer of the lint rule in the table of docs/architecture.md', async () => {
    const { layers } = (await import('../../eslint/layers.js')) as { readonly layers: readonly string[] };
    const page = readFileSync('docs/architecture.md', 'utf8');
    const inSource = readdirSync('src', { withFileTypes: true })
      .filter(isFolder)
      .map(({ name }) => name);
    expect(inSource.sort()).toEqual([...layers].sort());
    expect(layers.filter(layer => !page.includes(`\`src/${layer}/\``))).toEqual([]);
  });
});
