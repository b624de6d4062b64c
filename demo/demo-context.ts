import type { GitHubServer } from '../__tests__/support/github-server.js';
import type { KubeObject } from '../__tests__/support/kube.js';
import type { Kube, Named } from '../__tests__/support/kube.js';
import { runStep } from '../__tests__/support/runner/runner.js';
import type { StepResult } from '../__tests__/support/runner/runner.js';
import type { DemoLog } from './demo-log.js';
import { startTraffic } from '../__tests__/support/traffic/traffic.js';
import type { Traffic } from '../__tests__/support/traffic/traffic.js';

/** The environment of every chapter. */
export interface DemoContext {
  readonly log: DemoLog;
  readonly kube: Kube;
  readonly kubeconfig: string;
  /** A test server for GitHub's API, which proves the approval. */
  readonly github: GitHubServer;
  /** Folder of the project, which contains the examples. */
  readonly workspace: string;
  /** Public address of a NodePort or LoadBalancer Service of the demo's namespace. */
  readonly publicUrl: (service: string) => string | undefined;
}

export const namespace = 'default';

/** A step of the demo: its title in the summary, its inputs, and its expected end. */
export interface DemoStep {
  readonly title: string;
  readonly inputs: Readonly<Record<string, string>>;
  /** Default true. */
  readonly succeeds?: boolean;
}

/** The job's token, the only one that the demo's GitHub accepts. */
export const token = 'token-of-the-demo';

/** The phases in which something happens that users could notice. */
const phaseNames = /^(Deploy|Verify staged|Confirm|Switch|Verify public|Restore)$/;

/** Runs the bundle as the runner does and prints the phases as they begin. */
export async function play(demo: DemoContext, step: DemoStep): Promise<StepResult> {
  const result = await runStep({
    workspace: demo.workspace,
    inputs: { kubeconfig: demo.kubeconfig, timeout: '60s', ...withoutRegistry(step.inputs), ...step.inputs },
    onLine: line => {
      if (phaseNames.test(line)) demo.log.line(`  · ${line}`);
    },
    token,
    environment: { GITHUB_API_URL: demo.github.url },
  });
  demo.log.step(step.title, result, { succeeds: step.succeeds ?? true });
  return result;
}

/** The demo sends no request outside this machine, and its images are in no registry. */
function withoutRegistry({ action = 'deploy' }: DemoStep['inputs']): DemoStep['inputs'] {
  return action === 'deploy' ? { 'image-check': 'off' } : {};
}

/** Starts users who reload the page until the stream is stopped. */
export function users(demo: DemoContext, visit: { readonly service: string; readonly version: RegExp }): Traffic {
  const url = demo.publicUrl(visit.service);
  if (url === undefined) throw new Error(`Service ${visit.service} has no public address`);
  return demo.log.watch(startTraffic({ url, perSecond: 90, version: versionBy(visit.version) }));
}

/**
 * The version that answers at a Service's public address. Nodes see a change a moment after the API server, so this retries
 * for at most five seconds until the version begins with `expected`.
 */
export async function versionAt(
  demo: DemoContext,
  visit: { readonly service: string; readonly version: RegExp },
  expected: string,
): Promise<string> {
  const end = Date.now() + 5000;
  for (;;) {
    const seen = await ask(demo.publicUrl(visit.service), versionBy(visit.version));
    if (seen.startsWith(expected) || Date.now() > end) return seen;
    await new Promise(done => setTimeout(done, 50));
  }
}

async function ask(url: string | undefined, version: (body: string) => string): Promise<string> {
  if (url === undefined) return 'no address';
  try {
    // On its own connection: a kept-alive one would still reach the old pod.
    const answer = await fetch(url, { headers: { connection: 'close' } });
    return answer.ok ? version(await answer.text()) : `status ${answer.status}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function versionBy(pattern: RegExp): (body: string) => string {
  return body => pattern.exec(body)?.[1] ?? 'something else';
}

/** The live object. Throws if it does not exist. */
export async function live(demo: DemoContext, named: Omit<Named, 'namespace'>): Promise<KubeObject> {
  const object = await demo.kube.get({ ...named, namespace });
  if (!object) throw new Error(`${named.kind} ${named.name} does not exist`);
  return object;
}

/** The value at a path of an object; `undefined` if there is none. */
export function field(object: KubeObject, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<string | number, unknown> | undefined)?.[key], object);
}
