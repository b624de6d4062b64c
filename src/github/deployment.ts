import { addEnvironment, type JobToProve } from './job.js';
import { fieldOf, isNamed, objectsOf, type JsonObject } from './json.js';
import { explainFailure, notProved, unclear, type NotProved } from './refusal.js';
import { getResource, type GitHubAccess } from './rest.js';
import { pause, withRetry, type Pace } from './retry.js';

/** What is needed to read jobs and deployments. */
export interface DeploymentAccess extends Pace {
  readonly rest: GitHubAccess;
}

const pageSize = 100;
/** A run has at most 256 jobs of each matrix. */
const maxPages = 20;
/** Newest deployments of the commit to the environment that are looked at. */
const maxDeployments = 30;
/** Milliseconds before each further look: GitHub may show a job and its deployment only a moment after the job began. */
const nextLooksMs = [2_000, 5_000, 10_000];

/**
 * Why no deployment of the environment names this job; `undefined`: one does. GitHub makes that deployment, with a status
 * that links to the job, for each job with `environment:`.
 */
export async function refuseByDeployment(wanted: JobToProve, access: DeploymentAccess): Promise<NotProved | undefined> {
  let found = await findDeployment(wanted, access);
  for (const ms of nextLooksMs) {
    if (found.kind !== 'nothing') break;
    await pause(ms, access);
    found = await findDeployment(wanted, access);
  }
  return found.kind === 'found' ? undefined : found.reason;
}

/** What a look found; `unreadable`: another look would see the same. */
type Found<T> =
  | { readonly kind: 'found'; readonly found: T }
  | { readonly kind: 'nothing' | 'unreadable'; readonly reason: NotProved };

async function findDeployment(wanted: JobToProve, access: DeploymentAccess): Promise<Found<JsonObject>> {
  const { environment, run, job } = wanted;
  const thisJob = await findJob(wanted, access);
  if (thisJob.kind !== 'found') return thisJob;
  const page = `${job.serverUrl}/${run.repository}/actions/runs/${run.runId}/job/${thisJob.found}`;
  const deployments = await readList(access, {
    path: '/deployments',
    parameters: { environment, sha: run.sha, per_page: maxDeployments },
    permission: 'deployments: read',
  });
  if (deployments.kind !== 'found') return deployments;
  for (const deployment of deployments.found) {
    if (!isNamed(fieldOf(deployment, 'environment'), environment) || !isOfActions(deployment)) continue;
    const statuses = await readList(access, {
      path: '/deployments/{deployment_id}/statuses',
      parameters: { deployment_id: Number(fieldOf(deployment, 'id')), per_page: pageSize },
      permission: 'deployments: read',
    });
    if (statuses.kind !== 'found') return statuses;
    if (statuses.found.some(status => isOfActions(status) && isNamed(fieldOf(status, 'log_url'), page)))
      return { kind: 'found', found: deployment };
  }
  return nothing({
    message: `no deployment to it names job ${run.job} of this run`,
    hint: `${addEnvironment(wanted)} With \`deployment: false\`, GitHub makes no deployment: give the job \`permissions: id-token: write\`.`,
  });
}

/** The id of this job: the only one of this attempt that is in progress on this runner. */
async function findJob({ run, job }: JobToProve, access: DeploymentAccess): Promise<Found<number>> {
  const candidates: JsonObject[] = [];
  for (let page = 1; page <= maxPages; page += 1) {
    const jobs = await readList(access, {
      path: '/actions/runs/{run_id}/attempts/{attempt}/jobs',
      parameters: { run_id: access.rest.runId, attempt: Number(run.runAttempt), per_page: pageSize, page },
      permission: 'actions: read',
      field: 'jobs',
    });
    if (jobs.kind !== 'found') return jobs;
    candidates.push(...jobs.found.filter(each => isInProgressOn(each, job.runnerName)));
    if (jobs.found.length < pageSize) break;
  }
  const id = fieldOf(candidates[0], 'id');
  if (candidates.length === 1 && typeof id === 'number') return { kind: 'found', found: id };
  return nothing({
    message: `GitHub does not tell which job of this run is ${run.job}, on runner ${job.runnerName}`,
    hint: 'Give the job `permissions: id-token: write`: then its ID token proves which job it is.',
  });
}

/** GitHub shows a hosted runner as its name, or as a name without its number and the number. */
function isInProgressOn(job: JsonObject, runnerName: string): boolean {
  const plain = (name: string): string => name.toLowerCase().replace(/[\s-]+/g, ' ');
  const name = String(fieldOf(job, 'runner_name'));
  const names = [name, `${name} ${String(fieldOf(job, 'runner_id'))}`];
  return fieldOf(job, 'status') === 'in_progress' && names.some(each => plain(each) === plain(runnerName));
}

/** Whether GitHub Actions made it, and no other app or person. */
function isOfActions(made: JsonObject): boolean {
  return fieldOf(fieldOf(made, 'performed_via_github_app'), 'slug') === 'github-actions';
}

function nothing(reason: Omit<NotProved, 'proved'>): Found<never> {
  return { kind: 'nothing', reason: notProved(reason) };
}

interface ListRequest {
  readonly path: string;
  readonly parameters: Readonly<Record<string, string | number>>;
  readonly permission: string;
  /** Field of the answer that has the list. Absent: the answer is the list. */
  readonly field?: string;
}

async function readList(
  { rest, ...pace }: DeploymentAccess,
  { path, parameters, permission, field }: ListRequest,
): Promise<Found<readonly JsonObject[]>> {
  const answer = await withRetry(() => getResource(rest, path, parameters), pace);
  if (answer.kind !== 'ok') {
    const repository = `${rest.owner}/${rest.repo}`;
    // The ID token needs no such permission, and proves the same.
    const asked = { repository, permission: `${permission}\`, or better \`id-token: write` };
    return { kind: 'unreadable', reason: explainFailure(answer, asked) };
  }
  const items = objectsOf(field === undefined ? answer.data : fieldOf(answer.data, field));
  return items === undefined
    ? { kind: 'unreadable', reason: unclear('the job and its deployment') }
    : { kind: 'found', found: items };
}
