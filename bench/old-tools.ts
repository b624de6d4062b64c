import { spawn, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { runStep } from '../__tests__/support/runner/runner.js';
import type { ObjectSet } from '../__tests__/support/object-sets.js';

/** One deploy by a tool. */
export interface Job {
  readonly set: ObjectSet;
  readonly kubeconfig: string;
  readonly namespace: string;
  /** A folder for the tool, with the set in `objects.yml`. */
  readonly folder: string;
  /** Deadline of one wait, in seconds. */
  readonly timeoutSeconds: number;
  readonly onStart: (pid: number) => void;
}

/** A printed line with its time in milliseconds of `performance.now()`. */
export interface Line {
  readonly text: string;
  readonly at: number;
}

/** The output of a tool and its end. */
export interface ToolRun {
  readonly succeeded: boolean;
  readonly lines: readonly Line[];
  /** When it decided on the rollout; `undefined` if it did not wait. */
  readonly decidedAt?: number;
}

export interface Tool {
  readonly name: string;
  /** The HTTP methods with which it writes the objects of a set; it uses others only for its own objects. */
  readonly appliesBy: readonly string[];
  run(job: Job): Promise<ToolRun>;
}

/** The built bundle, as a runner starts it. */
export const cutover: Tool = {
  name: 'Cutover',
  appliesBy: ['PATCH'],
  async run({ kubeconfig, namespace, folder, timeoutSeconds, onStart }) {
    const lines: Line[] = [];
    const result = await runStep({
      workspace: folder,
      action: process.env.BENCH_ACTION ?? '.',
      inputs: {
        manifests: 'objects.yml',
        release: 'bench',
        // kubectl does not query registries.
        'image-check': 'off',
        // kubectl does not ask whether pods stay ready.
        [process.env.BENCH_ACTION ? 'steady' : 'stable-for']: '0s',
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

/** All available tools, and the version of kubectl (`undefined`: not on the PATH). */
export function toolsAtHand(): { readonly tools: readonly Tool[]; readonly kubectlVersion?: string } {
  const { status, stdout } = spawnSync('kubectl', ['version', '--client', '--output=json'], { encoding: 'utf8' });
  if (status !== 0) return { tools: [cutover] };
  const { clientVersion } = JSON.parse(stdout) as { readonly clientVersion: { readonly gitVersion: string } };
  return {
    tools: [cutover, kubectl('kubectl', []), kubectl('kubectl --server-side', ['--server-side'])],
    kubectlVersion: clientVersion.gitVersion,
  };
}
