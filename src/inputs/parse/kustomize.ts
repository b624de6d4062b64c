import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import type { KustomizeTool } from '../inputs.js';

function isProgram(file: string): boolean {
  if (!(statSync(file, { throwIfNoEntry: false })?.isFile() ?? false)) return false;
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** What builds kustomizations: the `kustomize` on the PATH, else the `kubectl` there; `undefined` without either. */
export function kustomizeTool(environment: Readonly<Record<string, string>>): KustomizeTool | undefined {
  // Windows calls it Path, and programs there have an ending.
  const path = Object.entries(environment).find(([name]) => name.toUpperCase() === 'PATH')?.[1] ?? '';
  // A relative entry would let whatever lies in the repository stand in for the tool.
  const folders = path.split(delimiter).filter(isAbsolute);
  const candidates = (['kustomize', 'kubectl'] as const).flatMap(name =>
    folders.flatMap(folder => ['', '.exe'].map(ending => ({ name, file: join(folder, name + ending) }))),
  );
  return candidates.find(({ file }) => isProgram(file));
}
