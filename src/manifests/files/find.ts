import { readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, posix, relative, resolve, sep } from 'node:path';
import type { Problem } from '../../errors.js';
import { expandBraces, globBase, globMatcher, isGlob } from './glob.js';

/** A manifest's text. */
export interface ManifestFile {
  /** Relative to the workspace, with `/`; absolute for a file outside of it. Of a kustomization: its folder and tool. */
  readonly file: string;
  readonly text: string;
}

export interface ManifestSearch {
  /** Files, folders (searched recursively for `.yaml`, `.yml` and `.json`), globs and `!` exclusions, in the order given. */
  readonly patterns: readonly string[];
  /** Folder that relative patterns start from. */
  readonly workspace: string;
}

const manifestName = /\.(ya?ml|json)$/i;
const kustomization = /^(kustomization\.ya?ml|Kustomization)$/;

const isManifest = (path: string): boolean => manifestName.test(path) || kustomization.test(basename(path));
const slashes = (path: string): string => path.split(sep).join('/');
const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
const byPath = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

/** Files below a folder; hidden folders and installed packages hold no manifests of the user. */
function walk(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name.startsWith('.') || entry.name === 'node_modules' ? [] : walk(path);
    return isFile(path) ? [path] : [];
  });
}

/** Paths from `workspace` (or absolute, as the pattern is) of the files that a glob matches. */
function globbed(pattern: string, workspace: string): readonly string[] {
  const found = expandBraces(pattern).flatMap(plain => {
    if (!isGlob(plain)) return isFile(resolve(workspace, plain)) ? [plain] : [];
    const base = globBase(plain);
    const start = resolve(workspace, base === '' && plain.startsWith('/') ? '/' : base);
    if (!isFolder(start)) return [];
    const matches = globMatcher(plain);
    const prefix = base === '' ? plain.slice(0, plain.startsWith('/') ? 1 : 0) : `${base}/`;
    return walk(start)
      .map(path => prefix + slashes(relative(start, path)))
      .filter(matches);
  });
  // `k8s/*` means the manifests in there; `k8s/*.tpl` was asked for by name.
  return pattern.endsWith('*') ? found.filter(isManifest) : found;
}

/** Absolute paths of the files that a pattern names, sorted where it names several. */
function matchesOf(pattern: string, workspace: string): readonly string[] {
  // A file or folder whose name holds a wildcard character is still found by its name.
  const exact = resolve(workspace, pattern);
  if (isFile(exact)) return [exact];
  if (isFolder(exact)) {
    return walk(exact)
      .filter(path => !basename(path).startsWith('.'))
      .filter(isManifest)
      .toSorted(byPath);
  }
  const plain = slashes(pattern).replace(/^(?:\.\/)+/, '');
  return [...new Set(globbed(plain, workspace).map(path => resolve(workspace, path)))].toSorted(byPath);
}

function display(path: string, workspace: string): string {
  const inside = relative(workspace, path);
  return slashes(inside.startsWith('..') || isAbsolute(inside) ? path : inside);
}

/** One thing that a pattern names. */
export interface ManifestSource {
  /** Absolute path of the file; of a folder with a kustomization, that of its kustomization file. */
  readonly path: string;
  /** As messages name it, see {@link ManifestFile}; the folder of a kustomization. */
  readonly name: string;
  readonly kind: 'file' | 'kustomization';
}

export interface FoundManifests {
  /** In the order of the patterns, sorted inside a folder or glob, each once. */
  readonly sources: readonly ManifestSource[];
  /** Patterns that match nothing, or too much. */
  readonly problems: readonly Problem[];
}

/** Files as they are; a folder with a kustomization is one source, and what lies in it is the kustomization's business. */
function sourcesOf(paths: readonly string[], workspace: string): readonly ManifestSource[] {
  const folders = paths.filter(path => kustomization.test(basename(path))).map(path => dirname(path));
  const built = (path: string): boolean => folders.some(folder => path.startsWith(folder + sep));
  return paths.flatMap((path): readonly ManifestSource[] => {
    const folder = dirname(path);
    if (!kustomization.test(basename(path))) {
      return built(path) ? [] : [{ path, name: display(path, workspace), kind: 'file' }];
    }
    return built(folder) ? [] : [{ path, name: display(folder, workspace) || '.', kind: 'kustomization' }];
  });
}

/** Whether an exclusion names a file, or a folder above it. */
function excluder(pattern: string, workspace: string): (path: string) => boolean {
  const exact = resolve(workspace, pattern);
  const matches = globMatcher(posix.normalize(slashes(pattern)));
  return path => {
    if (path === exact || path.startsWith(exact + sep)) return true;
    const segments = (isAbsolute(pattern) ? slashes(path) : slashes(relative(workspace, path))).split('/');
    return segments.some((_, index) => matches(segments.slice(0, index + 1).join('/')));
  };
}

function severalKustomizations(pattern: string, sources: readonly ManifestSource[]): readonly Problem[] {
  const names = sources.filter(({ kind }) => kind === 'kustomization').map(({ name }) => name);
  if (names.length < 2) return [];
  const message = `\`${pattern}\` in the input \`manifests\` holds several kustomizations: ${names.join(', ')}. Name the one to deploy.`;
  return [{ message }];
}

const missing = (pattern: string): string =>
  /^[a-z]+:\/\//i.test(pattern) ? 'is a URL: download it in a step before, and name the file' : 'matches no file';

/**
 * What the patterns name. An exclusion takes out what the patterns before it named. Problems are a pattern that matches
 * nothing, an exclusion that takes out nothing or everything, and a pattern with several kustomizations.
 */
export function findManifests({ patterns, workspace }: ManifestSearch): FoundManifests {
  const problems: Problem[] = [];
  const chosen = new Map<string, { readonly source: ManifestSource; readonly pattern: string }>();
  for (const pattern of patterns) {
    if (pattern.startsWith('!')) {
      const excluded = excluder(pattern.slice(1).trim(), workspace);
      const out = [...chosen].filter(([, { source }]) => excluded(source.path));
      out.forEach(([real]) => chosen.delete(real));
      const message = `\`${pattern}\` in the input \`manifests\` takes out nothing that the patterns before it name.`;
      if (out.length === 0) problems.push({ message });
      continue;
    }
    const matches = sourcesOf(matchesOf(pattern, workspace), workspace);
    if (matches.length === 0)
      problems.push({ message: `\`${pattern}\` in the input \`manifests\` ${missing(pattern)}.` });
    for (const source of matches) {
      const real = realpathSync(source.path);
      if (!chosen.has(real)) chosen.set(real, { source, pattern });
    }
  }
  const sources = [...chosen.values()].map(({ source }) => source);
  for (const pattern of new Set(patterns)) {
    const own = [...chosen.values()].filter(one => one.pattern === pattern).map(({ source }) => source);
    problems.push(...severalKustomizations(pattern, own));
  }
  if (sources.length === 0 && problems.length === 0) {
    problems.push({ message: 'The exclusions in the input `manifests` leave no file.' });
  }
  return { sources, problems };
}
