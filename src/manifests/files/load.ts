import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Problem } from '../../errors.js';
import { findManifests, type ManifestFile, type ManifestSearch, type ManifestSource } from './find.js';
import { buildKustomization, type BuildOptions } from './kustomize.js';
import { manifestError } from '../problems.js';

function readManifest({ path, name }: ManifestSource): ManifestFile | Problem {
  try {
    const content = readFileSync(path);
    if (isUtf8(content)) return { file: name, text: new TextDecoder().decode(content) };
    return { message: `${name} cannot be read: it is not UTF-8 text.` };
  } catch (thrown) {
    return { message: `${name} cannot be read: ${(thrown as Error).message}.` };
  }
}

/**
 * The manifests that the patterns match, in order, with kustomizations built. Throws `manifest` with everything that
 * cannot be found, read or built.
 */
export async function loadManifests(search: ManifestSearch & BuildOptions): Promise<readonly ManifestFile[]> {
  const { sources, problems: searchProblems } = findManifests(search);
  const problems = [...searchProblems];
  const files: ManifestFile[] = [];
  for (const source of sources) {
    const { path, name, kind } = source;
    if (kind === 'kustomization' && searchProblems.length > 0) continue;
    const result =
      kind === 'file' ? readManifest(source) : await buildKustomization({ folder: dirname(path), name }, search);
    if ('text' in result) files.push(result);
    else problems.push(result);
  }
  const hint = `Patterns are relative to the workspace, ${search.workspace}; is the repository checked out?`;
  if (problems.length > 0) throw manifestError(problems, searchProblems.length > 0 ? hint : undefined);
  return files;
}
