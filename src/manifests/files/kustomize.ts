import { getExecOutput } from '@actions/exec';
import type { Problem } from '../../errors.js';
import type { KustomizeTool } from '../../inputs/inputs.js';
import { shortened } from '../../log.js';
import type { ManifestFile } from './find.js';
import { shellWord } from './shell-word.js';

/** A folder with a kustomization file. */
export interface Kustomization {
  /** Absolute path of the folder. */
  readonly folder: string;
  /** Name of the folder in messages. */
  readonly name: string;
}

export interface BuildOptions {
  /** Absent: the tool is not installed, and every build fails with a problem that reports this. */
  readonly kustomize?: KustomizeTool;
  /** Environment variables of the tool. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Longest output of the tool in a message, in characters. */
const maxCauseLength = 1000;

/** The error in the tool's output, without the warnings before it. */
function errorOf(stderr: string): string {
  const lines = stderr.split(/\r?\n/).filter(line => line.trim() !== '' && !/^#? ?warning/i.test(line));
  const start = lines.findIndex(line => /^error:/i.test(line));
  const cause = lines
    .slice(Math.max(start, 0))
    .join('\n')
    .replace(/^error:\s*/i, '');
  return shortened(cause, maxCauseLength) || 'no error output';
}

/** The output of `kustomize build` for a folder; line numbers refer to this output. */
export async function buildKustomization(
  { folder, name }: Kustomization,
  { kustomize, environment }: BuildOptions,
): Promise<ManifestFile | Problem> {
  const remedy = `build it in an earlier step (\`kustomize build ${shellWord(name)} > manifests.yml\`) and deploy the result instead`;
  if (kustomize === undefined) {
    const cause = 'neither kustomize nor kubectl is on the PATH';
    return { message: `${name} has a kustomization, but ${cause}: install one in an earlier step, or ${remedy}.` };
  }
  const subcommand = kustomize.name === 'kustomize' ? 'build' : 'kustomize';
  const command = `${kustomize.name} ${subcommand}`;
  try {
    const { exitCode, stdout, stderr } = await getExecOutput(`"${kustomize.file}"`, [subcommand, folder], {
      env: environment,
      silent: true,
      ignoreReturnCode: true,
    });
    if (exitCode === 0) return { file: `${name} (built by ${kustomize.name})`, text: stdout };
    return { message: `${name} cannot be built: \`${command}\` ended with exit code ${exitCode}: ${errorOf(stderr)}` };
  } catch (thrown) {
    return { message: `${name} cannot be built: \`${command}\` cannot be run: ${(thrown as Error).message}` };
  }
}
