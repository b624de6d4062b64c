import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Problem } from '../../errors.js';
import { plain } from '../../plain-text.js';
import { findManifests, type ManifestFile, type ManifestSearch, type ManifestSource } from './find.js';
import { buildKustomization, type BuildOptions } from './kustomize.js';
import { manifestError } from '../problems.js';

/** The text of a file in UTF-8, or in UTF-16 with a byte order mark, as editors and shells on Windows write it. */
function decoded(content: Buffer): string | undefined {
  const mark = content.subarray(0, 2).toString('hex');
  if (mark === 'fffe' || mark === 'feff') {
    try {
      return new TextDecoder(mark === 'fffe' ? 'utf-16le' : 'utf-16be', { fatal: true }).decode(content);
    } catch {
      return undefined;
    }
  }
  return isUtf8(content) ? new TextDecoder().decode(content) : undefined;
}

function readManifest({ path, name }: ManifestSource): ManifestFile | Problem {
  try {
    const content = readFileSync(path);
    const text = decoded(content);
    if (text !== undefined) return { file: name, text };
    return {
      message: `${name} cannot be read: it is neither UTF-8 text nor UTF-16 with a byte order mark. Save it as UTF-8.`,
    };
  } catch (thrown) {
    return { message: `${name} cannot be read: ${(thrown as Error).message}.` };
  }
}

/** A name with a control character is refused: in a log it looks like several lines, or like another name. */
function nameProblem(name: string): Problem | undefined {
  if (!/[\t\n]/.test(name) && plain(name) === name) return undefined;
  const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  const shown = JSON.stringify(name).replace(/[^ -~]/g, escaped);
  return { message: `${shown} cannot be read: there is a control character in its name. Rename it, or exclude it.` };
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
      nameProblem(name) ??
      (kind === 'file' ? readManifest(source) : await buildKustomization({ folder: dirname(path), name }, search));
    if ('text' in result) files.push(result);
    else problems.push(result);
  }
  const hint = `Patterns are relative to the workspace, ${search.workspace}; is the repository checked out?`;
  // Where any file is found, the repository is there.
  if (problems.length > 0) throw manifestError(problems, sources.length === 0 ? hint : undefined);
  return files;
}
