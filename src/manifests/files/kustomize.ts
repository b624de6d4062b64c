import { getExecOutput } from '@actions/exec';
import type { Problem } from '../../errors.js';
import type { KustomizeTool } from '../../inputs/inputs.js';
import { shortened } from '../../log.js';
import type { ManifestFile } from './find.js';

/** A folder with a kustomization file. */
export interface Kustomization {
  /** Absolute path of the folder. */
  readonly folder: string;
  /** The folder as messages name it. */
  readonly name: string;
}

export interface BuildOptions {
  /** Absent: there is none, and every build is a problem that says so. */
  readonly kustomize?: KustomizeTool;
  /** What the tool sees of the environment. */
  readonly environment: Readonly<Record<string, string>>;
}

/** As much of a tool's words as a message can bear, in characters. */
const longestCause = 1000;

/** What the tool says went wrong: its error, without the warnings before it. */
function causeIn(stderr: string): string {
  const lines = stderr.split(/\r?\n/).filter(line => line.trim() !== '' && !/^#? ?warning/i.test(line));
  const start = lines.findIndex(line => /^error:/i.test(line));
  const cause = lines
    .slice(Math.max(start, 0))
    .join('\n')
    .replace(/^error:\s*/i, '');
  return shortened(cause, longestCause) || 'nothing';
}

/** The manifests that `kustomize build` makes of a folder, as one text whose lines are those of its output. */
export async function buildKustomization(
  { folder, name }: Kustomization,
  { kustomize, environment }: BuildOptions,
): Promise<ManifestFile | Problem> {
  const byHand = `build it before this step (\`kustomize build ${name} > manifests.yml\`) and name the result instead`;
  if (kustomize === undefined) {
    const looked = 'neither kustomize nor kubectl was found on the PATH';
    return { message: `${name} has a kustomization, and ${looked}: install one in a step before, or ${byHand}.` };
  }
  const subcommand = kustomize.name === 'kustomize' ? 'build' : 'kustomize';
  const called = `${kustomize.name} ${subcommand}`;
  try {
    const { exitCode, stdout, stderr } = await getExecOutput(`"${kustomize.file}"`, [subcommand, folder], {
      env: environment,
      silent: true,
      ignoreReturnCode: true,
    });
    if (exitCode === 0) return { file: `${name} (built by ${kustomize.name})`, text: stdout };
    return { message: `${name} cannot be built: \`${called}\` ended with exit code ${exitCode}: ${causeIn(stderr)}` };
  } catch (thrown) {
    return { message: `${name} cannot be built: \`${called}\` cannot be run: ${(thrown as Error).message}` };
  }
}
