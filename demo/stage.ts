import type { GitHubServer } from '../__tests__/support/github-server.js';
import type { KubeObject } from '../__tests__/support/kube.js';
import type { Kube, Named } from '../__tests__/support/kube.js';
import { runStep } from '../__tests__/support/runner/runner.js';
import type { StepResult } from '../__tests__/support/runner/runner.js';
import type { Story } from './story.js';
import { startTraffic } from '../__tests__/support/traffic/traffic.js';
import type { Traffic } from '../__tests__/support/traffic/traffic.js';

/** What every chapter plays on. */
export interface Stage {
  readonly story: Story;
  readonly kube: Kube;
  readonly kubeconfig: string;
  /** Stands in for GitHub's API, so that an approval can be asked for and proved. */
  readonly github: GitHubServer;
  /** Folder of the project, where the examples lie. */
  readonly workspace: string;
  /** Public address of a NodePort or LoadBalancer Service of the demo's namespace. */
  readonly publicUrl: (service: string) => string | undefined;
}

export const namespace = 'default';

/** A step of the demo: its name in the summary, its inputs, and how it has to end. */
export interface DemoStep {
  readonly title: string;
  readonly inputs: Readonly<Record<string, string>>;
  /** Default true. */
  readonly succeeds?: boolean;
}

/** The job's token, and the only one that the demo's GitHub knows. */
export const token = 'token-of-the-demo';

/** The stages in which something happens that users could notice. */
const stageNames = /^(Deploy|Verify staged|Confirm|Switch|Verify public|Restore)$/;

/** Runs the bundle as the runner does and tells the stages as they begin. */
export async function play(stage: Stage, step: DemoStep): Promise<StepResult> {
  const result = await runStep({
    workspace: stage.workspace,
    inputs: { kubeconfig: stage.kubeconfig, timeout: '60s', ...withoutRegistry(step.inputs), ...step.inputs },
    onLine: line => {
      if (stageNames.test(line)) stage.story.say(`  · ${line}`);
    },
    token,
    environment: { GITHUB_API_URL: stage.github.url },
  });
  stage.story.step(step.title, result, { succeeds: step.succeeds ?? true });
  return result;
}

/** The demo asks nobody outside of this machine, and its images are in no registry. */
function withoutRegistry({ action = 'deploy' }: DemoStep['inputs']): DemoStep['inputs'] {
  return action === 'deploy' ? { 'image-check': 'off' } : {};
}

/** A user who presses reload all the time, until the stream is stopped. */
export function users(stage: Stage, visit: { readonly service: string; readonly version: RegExp }): Traffic {
  const url = stage.publicUrl(visit.service);
  if (url === undefined) throw new Error(`Service ${visit.service} has no public address`);
  return stage.story.watch(startTraffic({ url, perSecond: 90, version: versionBy(visit.version) }));
}

/**
 * Which version answers at a Service's public address. The nodes learn of a change a moment after the API server does, so
 * another version than `expected` (its first characters) is asked again, for at most five seconds.
 */
export async function versionAt(
  stage: Stage,
  visit: { readonly service: string; readonly version: RegExp },
  expected: string,
): Promise<string> {
  const end = Date.now() + 5000;
  for (;;) {
    const seen = await ask(stage.publicUrl(visit.service), versionBy(visit.version));
    if (seen.startsWith(expected) || Date.now() > end) return seen;
    await new Promise(done => setTimeout(done, 50));
  }
}

async function ask(url: string | undefined, version: (body: string) => string): Promise<string> {
  if (url === undefined) return 'no address';
  try {
    // A connection of its own: a kept one would still end at the pod it was made to.
    const answer = await fetch(url, { headers: { connection: 'close' } });
    return answer.ok ? version(await answer.text()) : `status ${answer.status}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function versionBy(pattern: RegExp): (body: string) => string {
  return body => pattern.exec(body)?.[1] ?? 'something else';
}

/** The object, which has to be there. */
export async function live(stage: Stage, named: Omit<Named, 'namespace'>): Promise<KubeObject> {
  const object = await stage.kube.get({ ...named, namespace });
  if (!object) throw new Error(`${named.kind} ${named.name} is not there`);
  return object;
}

/** The value at a path of an object; `undefined` where the path ends early. */
export function field(object: KubeObject, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<string | number, unknown> | undefined)?.[key], object);
}
