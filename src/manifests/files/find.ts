import { readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, posix, relative, resolve, sep } from 'node:path';
import type { Problem } from '../../errors.js';
import { expandBraces, globBase, globMatcher, isGlob, maxAlternatives } from './glob.js';
import { shellWord } from './shell-word.js';

/** A manifest's text. */
export interface ManifestFile {
  /** Path relative to the workspace, with `/`; absolute outside the workspace. For a kustomization: its folder and tool. */
  readonly file: string;
  readonly text: string;
}

export interface ManifestSearch {
  /** Files, folders (searched recursively for `.yaml`, `.yml` and `.json`), globs and `!` exclusions, in order. */
  readonly patterns: readonly string[];
  /** Folder that relative patterns start from. */
  readonly workspace: string;
}

const manifestName = /\.(ya?ml|json)$/i;
const kustomization = /^(kustomization\.ya?ml|Kustomization)$/;

const isManifest = (path: string): boolean => manifestName.test(path) || kustomization.test(basename(path));
const withSlashes = (path: string): string => path.split(sep).join('/');
const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
const byPath = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

/** Files below a folder. Hidden folders and `node_modules` are skipped: they contain no manifests of the user. */
function walk(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name.startsWith('.') || entry.name === 'node_modules' ? [] : walk(path);
    return isFile(path) ? [path] : [];
  });
}

/** Paths from `workspace` (or absolute, as the pattern is) of the files that a glob matches. */
function filesMatchingGlob(pattern: string, workspace: string): readonly string[] {
  const found = expandBraces(pattern).flatMap(plain => {
    if (!isGlob(plain)) return isFile(resolve(workspace, plain)) ? [plain] : [];
    const base = globBase(plain);
    const start = resolve(workspace, base === '' && plain.startsWith('/') ? '/' : base);
    if (!isFolder(start)) return [];
    const matches = globMatcher(plain);
    const prefix = base === '' ? plain.slice(0, plain.startsWith('/') ? 1 : 0) : `${base}/`;
    return walk(start)
      .map(path => prefix + withSlashes(relative(start, path)))
      .filter(matches);
  });
  // `k8s/*` means the manifests in the folder; `k8s/*.tpl` selects the extension explicitly.
  return pattern.endsWith('*') ? found.filter(isManifest) : found;
}

/** Absolute paths of the files that a pattern matches, sorted. */
function filesMatching(pattern: string, workspace: string): readonly string[] {
  // The name of a file or folder may contain a wildcard character.
  const literalPath = resolve(workspace, pattern);
  if (isFile(literalPath)) return [literalPath];
  if (isFolder(literalPath)) {
    return walk(literalPath)
      .filter(path => !basename(path).startsWith('.'))
      .filter(isManifest)
      .toSorted(byPath);
  }
  const plain = withSlashes(pattern).replace(/^(?:\.\/)+/, '');
  return [...new Set(filesMatchingGlob(plain, workspace).map(path => resolve(workspace, path)))].toSorted(byPath);
}

function displayName(path: string, workspace: string): string {
  const inside = relative(workspace, path);
  return withSlashes(inside.startsWith('..') || isAbsolute(inside) ? path : inside);
}

/** A file or kustomization that a pattern matches. */
export interface ManifestSource {
  /** Absolute path of the file; of a folder with a kustomization, that of its kustomization file. */
  readonly path: string;
  /** Name in messages, see {@link ManifestFile}; for a kustomization its folder. */
  readonly name: string;
  readonly kind: 'file' | 'kustomization';
}

export interface FoundManifests {
  /** In the order of the patterns, sorted within a folder or glob, without duplicates. */
  readonly sources: readonly ManifestSource[];
  /** Patterns that match nothing, or too much. */
  readonly problems: readonly Problem[];
}

/** One source a file; a folder with a kustomization is one source, and its other files are left to the kustomization. */
function sourcesOf(paths: readonly string[], workspace: string): readonly ManifestSource[] {
  const folders = paths.filter(path => kustomization.test(basename(path))).map(path => dirname(path));
  const isBuilt = (path: string): boolean => folders.some(folder => path.startsWith(folder + sep));
  return paths.flatMap((path): readonly ManifestSource[] => {
    const folder = dirname(path);
    if (!kustomization.test(basename(path))) {
      return isBuilt(path) ? [] : [{ path, name: displayName(path, workspace), kind: 'file' }];
    }
    return isBuilt(folder) ? [] : [{ path, name: displayName(folder, workspace) || '.', kind: 'kustomization' }];
  });
}

/** A predicate: whether an exclusion matches a file or a folder above it. */
function exclusionMatcher(pattern: string, workspace: string): (path: string) => boolean {
  const literalPath = resolve(workspace, pattern);
  const matches = globMatcher(posix.normalize(withSlashes(pattern)));
  return path => {
    if (path === literalPath || path.startsWith(literalPath + sep)) return true;
    const segments = (isAbsolute(pattern) ? withSlashes(path) : withSlashes(relative(workspace, path))).split('/');
    return segments.some((_, index) => matches(segments.slice(0, index + 1).join('/')));
  };
}

function multipleKustomizationProblems(pattern: string, sources: readonly ManifestSource[]): readonly Problem[] {
  const names = sources.filter(({ kind }) => kind === 'kustomization').map(({ name }) => name);
  if (names.length < 2) return [];
  const message = `\`${pattern}\` in the input \`manifests\` contains several kustomizations: ${names.join(', ')}. Specify the one to deploy.`;
  return [{ message }];
}

/** One for each chart: its templates are no manifests, and every file of it would be a problem of its own. */
function chartProblems(pattern: string, sources: readonly ManifestSource[]): readonly Problem[] {
  const charts = sources
    .filter(({ path }) => basename(path) === 'Chart.yaml')
    .map(({ name }) => posix.dirname(name))
    .filter((chart, _, all) => !all.some(other => chart.startsWith(`${posix.join(other, 'charts')}/`)));
  return charts.map(chart => ({
    message: `\`${pattern}\` in the input \`manifests\` contains a Helm chart: ${chart}. Render it in an earlier step, such as \`helm template ${shellWord(chart)} > rendered.yaml\`, and specify that file.`,
  }));
}

const isInside = (path: string, folder: string): boolean => path.startsWith(folder + sep);

/** A file that lies in the workspace by its name alone: a change in a pull request can make it any file of the runner. */
function linkProblem({ path, name }: ManifestSource, workspace: string): Problem | undefined {
  if (!isInside(path, resolve(workspace)) || isInside(realpathSync(path), realpathSync(workspace))) return undefined;
  return {
    message: `${name} is a symbolic link to a file outside of the workspace, and is not read. Exclude it, or name the file itself in the input \`manifests\`.`,
  };
}

const missingReason = (pattern: string): string =>
  /^[a-z]+:\/\//i.test(pattern) ? 'is a URL: download it in an earlier step and specify the file' : 'matches no file';

/**
 * What the patterns match. An exclusion removes what the patterns before it matched. Problems are a pattern that matches
 * nothing, an exclusion that removes nothing or everything, and a pattern that matches several kustomizations or a Helm chart.
 */
export function findManifests({ patterns, workspace }: ManifestSearch): FoundManifests {
  const problems: Problem[] = [];
  const chosen = new Map<string, { readonly source: ManifestSource; readonly pattern: string }>();
  for (const pattern of patterns) {
    if (expandBraces(pattern).length > maxAlternatives) {
      const message = `\`${pattern}\` in the input \`manifests\` has braces that stand for more than ${maxAlternatives} patterns. Use \`*\`, or several patterns.`;
      problems.push({ message });
      continue;
    }
    if (pattern.startsWith('!')) {
      const excluded = exclusionMatcher(pattern.slice(1).trim(), workspace);
      const removed = [...chosen].filter(([, { source }]) => excluded(source.path));
      removed.forEach(([realPath]) => chosen.delete(realPath));
      const message = `\`${pattern}\` in the input \`manifests\` excludes nothing that the patterns before it match.`;
      if (removed.length === 0) problems.push({ message });
      continue;
    }
    const matches = sourcesOf(filesMatching(pattern, workspace), workspace);
    if (matches.length === 0)
      problems.push({ message: `\`${pattern}\` in the input \`manifests\` ${missingReason(pattern)}.` });
    for (const source of matches) {
      const realPath = realpathSync(source.path);
      if (!chosen.has(realPath)) chosen.set(realPath, { source, pattern });
    }
  }
  for (const [realPath, { source }] of chosen) {
    const problem = linkProblem(source, workspace);
    if (problem === undefined) continue;
    problems.push(problem);
    chosen.delete(realPath);
  }
  const sources = [...chosen.values()].map(({ source }) => source);
  for (const pattern of new Set(patterns)) {
    const sourcesOfPattern = [...chosen.values()].filter(one => one.pattern === pattern).map(({ source }) => source);
    problems.push(
      ...multipleKustomizationProblems(pattern, sourcesOfPattern),
      ...chartProblems(pattern, sourcesOfPattern),
    );
  }
  if (sources.length === 0 && problems.length === 0) {
    problems.push({ message: 'The exclusions in the input `manifests` exclude every file.' });
  }
  return { sources, problems };
}
