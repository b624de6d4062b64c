import { isUtf8 } from 'node:buffer';
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { CutoverError, type Problem } from '../errors.js';
import { expandBraces, globBase, globMatcher, isGlob } from './glob.js';
import { manifestError } from './problems.js';

/** A manifest's text. */
export interface ManifestFile {
  /** Relative to the workspace, with `/`; absolute for a file outside of it. */
  readonly file: string;
  readonly text: string;
}

export interface ManifestSearch {
  /** Files, folders (searched recursively for `.yaml`, `.yml` and `.json`) and globs, in the order given. */
  readonly patterns: readonly string[];
  /** Folder that relative patterns start from. */
  readonly workspace: string;
}

const manifestName = /\.(ya?ml|json)$/i;
const kustomization = /^(kustomization\.ya?ml|Kustomization)$/;

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

function unavailable(what: string, name: string, instead: string): CutoverError {
  return new CutoverError(`${what} in the input \`manifests\` are not available yet: ${name}.`, {
    code: 'unavailable',
    object: name,
    hint: instead,
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
  return pattern.endsWith('*') ? found.filter(path => manifestName.test(path)) : found;
}

/** Absolute paths of the files that a pattern names, sorted where it names several. */
function matchesOf(pattern: string, workspace: string): readonly string[] {
  // A file or folder whose name holds a wildcard character is still found by its name.
  const exact = resolve(workspace, pattern);
  if (isFile(exact)) return [exact];
  if (isFolder(exact)) {
    return walk(exact)
      .filter(path => !basename(path).startsWith('.'))
      .filter(path => manifestName.test(path) || kustomization.test(basename(path)))
      .toSorted(byPath);
  }
  const plain = slashes(pattern).replace(/^(?:\.\/)+/, '');
  return [...new Set(globbed(plain, workspace).map(path => resolve(workspace, path)))].toSorted(byPath);
}

function display(path: string, workspace: string): string {
  const inside = relative(workspace, path);
  return slashes(inside.startsWith('..') || isAbsolute(inside) ? path : inside);
}

function textOf(path: string, file: string): ManifestFile | Problem {
  try {
    const content = readFileSync(path);
    if (isUtf8(content)) return { file, text: new TextDecoder().decode(content) };
    return { message: `${file} cannot be read: it is not UTF-8 text.` };
  } catch (thrown) {
    return { message: `${file} cannot be read: ${(thrown as Error).message}.` };
  }
}

/**
 * The manifests that the patterns name: in the order of the patterns, sorted inside a folder or glob, each file once.
 * Throws `manifest` naming every pattern that matches nothing, and `unavailable` for exclusions and kustomizations.
 */
export function findManifests({ patterns, workspace }: ManifestSearch): readonly ManifestFile[] {
  const exclusion = patterns.find(pattern => pattern.startsWith('!'));
  if (exclusion !== undefined) {
    throw unavailable('Exclusions', exclusion, 'List the files or globs that are wanted instead.');
  }
  const problems: Problem[] = [];
  const paths = new Map<string, string>();
  for (const pattern of patterns) {
    const matches = matchesOf(pattern, workspace);
    if (matches.length === 0) problems.push({ message: `\`${pattern}\` in the input \`manifests\` matches no file.` });
    for (const match of matches) {
      const real = realpathSync(match);
      if (!paths.has(real)) paths.set(real, match);
    }
  }
  const built = [...paths.values()].find(path => kustomization.test(basename(path)));
  if (built !== undefined) {
    const hint = 'Build it first (`kustomize build … > manifests.yml`) and name the result.';
    throw unavailable('Folders with a kustomization file', display(built, workspace), hint);
  }
  const files: ManifestFile[] = [];
  for (const path of paths.values()) {
    const read = textOf(path, display(path, workspace));
    if ('text' in read) files.push(read);
    else problems.push(read);
  }
  if (problems.length > 0) {
    throw manifestError(
      problems,
      `Patterns are relative to the workspace, ${workspace}; is the repository checked out?`,
    );
  }
  return files;
}
