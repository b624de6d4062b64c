import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

/** A program on the runner that builds kustomizations. */
export interface KustomizeTool {
  readonly name: 'kustomize' | 'kubectl';
  /** Absolute path of the program. */
  readonly file: string;
}

function isProgram(file: string): boolean {
  if (!(statSync(file, { throwIfNoEntry: false })?.isFile() ?? false)) return false;
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The `kustomize` on the PATH, else the `kubectl` there. `undefined`: neither is there. */
export function kustomizeTool(environment: Readonly<Record<string, string>>): KustomizeTool | undefined {
  // On Windows the variable is Path, and programs end in .exe.
  const path = Object.entries(environment).find(([name]) => name.toUpperCase() === 'PATH')?.[1] ?? '';
  // With a relative entry, a file of the repository could be run as the tool.
  const folders = path.split(delimiter).filter(isAbsolute);
  const candidates = (['kustomize', 'kubectl'] as const).flatMap(name =>
    folders.flatMap(folder => ['', '.exe'].map(extension => ({ name, file: join(folder, name + extension) }))),
  );
  return candidates.find(({ file }) => isProgram(file));
}
