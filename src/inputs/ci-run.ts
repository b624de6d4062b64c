import { own } from '../own.js';
/** The workflow run that the step belongs to, from the runner's environment. */
export interface CiRun {
  /** `owner/name`. */
  readonly repository: string;
  readonly sha: string;
  readonly refName: string;
  readonly runId: string;
  readonly runNumber: string;
  readonly runAttempt: string;
  readonly job: string;
  readonly actor: string;
  readonly eventName: string;
  /** The page of the run, for messages and the record. */
  readonly url: string;
  /** Base of GitHub's REST API. */
  readonly apiUrl: string;
  /** Folder that relative paths start from. */
  readonly workspace: string;
}

/** What identifies the job of the step, and what proves it to GitHub. */
export interface CiJob {
  /** Base URL of GitHub's pages. */
  readonly serverUrl: string;
  /** Name of the runner. It runs one job at a time. */
  readonly runnerName: string;
  /** Where the job gets its ID token. Absent: the job has no `id-token: write`. */
  readonly idToken?: IdTokenRequest;
}

/** Address and credentials of the service that issues ID tokens to the job. */
export interface IdTokenRequest {
  readonly url: string;
  readonly token: string;
}

/** The value of what only a run on GitHub has, for other runs. */
export const outside = 'local';

/** Outside GitHub every name is `local`, and the workspace is the current folder. */
export function readCiRun(environment: Readonly<Record<string, string>>): CiRun {
  const read = (name: string): string => own(environment, name) || outside;
  const repository = read('GITHUB_REPOSITORY');
  const runId = read('GITHUB_RUN_ID');
  const server = serverUrl(environment);
  const inRun = repository !== outside && runId !== outside;
  return {
    repository,
    sha: read('GITHUB_SHA'),
    refName: read('GITHUB_REF_NAME'),
    runId,
    runNumber: read('GITHUB_RUN_NUMBER'),
    runAttempt: read('GITHUB_RUN_ATTEMPT'),
    job: read('GITHUB_JOB'),
    actor: read('GITHUB_ACTOR'),
    eventName: read('GITHUB_EVENT_NAME'),
    url: inRun ? `${server}/${repository}/actions/runs/${runId}` : outside,
    apiUrl: environment['GITHUB_API_URL'] || 'https://api.github.com',
    workspace: environment['GITHUB_WORKSPACE'] || process.cwd(),
  };
}

/** `environment`: with the names that the runner keeps to itself. */
export function readCiJob(environment: Readonly<Record<string, string | undefined>>): CiJob {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: token } = environment;
  return {
    serverUrl: serverUrl(environment),
    runnerName: environment['RUNNER_NAME'] || outside,
    ...(url && token && { idToken: { url, token } }),
  };
}

function serverUrl(environment: Readonly<Record<string, string | undefined>>): string {
  return (environment['GITHUB_SERVER_URL'] || 'https://github.com').replace(/\/+$/, '');
}

/** Whether the run is on GitHub, where it could have been approved. */
export function isGitHubRun(run: CiRun): boolean {
  return run.repository !== outside && run.runId !== outside;
}

/** The built-in variables that have a value before anything is rendered. */
export function runNames(run: CiRun): Readonly<Record<string, string>> {
  return {
    SHA: run.sha,
    SHORT_SHA: run.sha.slice(0, 7),
    REF_NAME: run.refName,
    RUN_NUMBER: run.runNumber,
    RUN_ID: run.runId,
  };
}
