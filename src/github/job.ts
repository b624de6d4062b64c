import type { CiJob, CiRun } from '../inputs/inputs.js';

/** The job that must be of the environment. */
export interface JobToProve {
  readonly environment: string;
  readonly run: CiRun;
  readonly job: CiJob;
}

/** What to do about a job of no environment, or of another one. */
export function addEnvironment({ environment, run }: JobToProve): string {
  return `Add \`environment: ${environment}\` to job ${run.job}: then GitHub starts it only after an approval.`;
}
