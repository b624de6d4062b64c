import { spawn, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { runStep } from '../__tests__/support/runner/runner.js';
import type { ObjectSet } from '../__tests__/support/object-sets.js';

/** What a tool is to deploy, and where. */
export interface Job {
  readonly set: ObjectSet;
  readonly kubeconfig: string;
  readonly namespace: string;
  /** A folder of the tool's own, with the set in `objects.yml`. */
  readonly folder: string;
  /** For one wait, in seconds. */
  readonly timeoutSeconds: number;
  readonly onStart: (pid: number) => void;
}

/** A line that was printed, and when: milliseconds of `performance.now()`. */
export interface Line {
  readonly text: string;
  readonly at: number;
}

/** What a tool said and how it ended. */
export interface Told {
  readonly succeeded: boolean;
  readonly lines: readonly Line[];
  /** When it knew how the rollout went; `undefined` when it never got to wait. */
  readonly decidedAt?: number;
}

export interface Tool {
  readonly name: string;
  /** The HTTP methods by which it writes the objects of a set; by others it writes only what is its own. */
  readonly appliesBy: readonly string[];
  run(job: Job): Promise<Told>;
}

/** The built bundle, as a runner starts it. */
export const cutover: Tool = {
  name: 'Cutover',
  appliesBy: ['PATCH'],
  async run({ kubeconfig, namespace, folder, timeoutSeconds, onStart }) {
    const lines: Line[] = [];
    const result = await runStep({
      workspace: folder,
      inputs: {
        manifests: 'objects.yml',
        release: 'bench',
        // kubectl asks no registry.
        'image-check': 'off',
        // kubectl does not ask whether pods stay ready.
        'stable-for': '0s',
        timeout: `${timeoutSeconds}s`,
        namespace,
        kubeconfig,
      },
      post: 'unfinished',
      onStart,
      onLine: text => lines.push({ text, at: performance.now() }),
    });
    const decision = lines.find(({ text }) => text === 'Verify public' || text === 'Restore');
    return { succeeded: result.exitCode === 0, lines, ...(decision && { decidedAt: decision.at }) };
  },
};

/** `kubectl apply`, then one `kubectl rollout status` after the other. */
function kubectl(name: string, options: readonly string[]): Tool {
  return {
    name,
    appliesBy: ['POST', 'PATCH'],
    async run({ set, kubeconfig, namespace, folder, timeoutSeconds, onStart }) {
      await writeFile(join(folder, 'kubeconfig'), kubeconfig);
      const lines: Line[] = [];
      const run = (args: readonly string[]): Promise<boolean> =>
        new Promise((resolve, reject) => {
          const child = spawn('kubectl', [...args, '--namespace', namespace], {
            cwd: folder,
            env: { PATH: process.env.PATH, HOME: folder, KUBECONFIG: join(folder, 'kubeconfig') },
            stdio: ['ignore', 'pipe', 'pipe'],
          });
          if (child.pid !== undefined) onStart(child.pid);
          for (const input of [child.stdout, child.stderr]) {
            createInterface({ input }).on('line', text => lines.push({ text, at: performance.now() }));
          }
          child.on('error', reject);
          child.on('close', code => resolve(code === 0));
        });
      if (!(await run(['apply', ...options, '-f', 'objects.yml']))) return { succeeded: false, lines };
      for (const deployment of set.deployments) {
        const status = ['rollout', 'status', `deployment/${deployment}`, `--timeout=${timeoutSeconds}s`];
        if (!(await run(status))) return { succeeded: false, lines, decidedAt: performance.now() };
      }
      return { succeeded: true, lines, decidedAt: performance.now() };
    },
  };
}

/** Every tool that is there, and the version of kubectl (`undefined`: there is none on the PATH). */
export function toolsAtHand(): { readonly tools: readonly Tool[]; readonly kubectlVersion?: string } {
  const { status, stdout } = spawnSync('kubectl', ['version', '--client', '--output=json'], { encoding: 'utf8' });
  if (status !== 0) return { tools: [cutover] };
  const { clientVersion } = JSON.parse(stdout) as { readonly clientVersion: { readonly gitVersion: string } };
  return {
    tools: [cutover, kubectl('kubectl', []), kubectl('kubectl --server-side', ['--server-side'])],
    kubectlVersion: clientVersion.gitVersion,
  };
}
