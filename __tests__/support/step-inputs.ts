import { CutoverError } from '../../src/errors.js';
import type { Inputs } from '../../src/inputs/inputs.js';
import { readInputs } from '../../src/inputs/read.js';
import type { Log } from '../../src/log.js';

/** The environment of a run on GitHub. */
export const github = {
  GITHUB_REPOSITORY: 'acme/web',
  GITHUB_SHA: '0123456789abcdef0123456789abcdef01234567',
  GITHUB_REF_NAME: 'main',
  GITHUB_RUN_ID: '4711',
  GITHUB_RUN_NUMBER: '12',
  GITHUB_RUN_ATTEMPT: '1',
  GITHUB_JOB: 'deploy',
  GITHUB_ACTOR: 'alice',
  GITHUB_EVENT_NAME: 'push',
  GITHUB_SERVER_URL: 'https://github.com',
  GITHUB_API_URL: 'https://api.github.com',
  GITHUB_WORKSPACE: '/home/runner/work/web',
};

/** Inputs as the runner sets them: upper case, dashes kept. */
export function asRunner(inputs: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]));
}

/** A log that collects the masked secrets and fails on anything else. */
export function maskingLog(masked: string[] = []): Log {
  const unexpected = (): never => {
    throw new Error('reading inputs must not log');
  };
  return {
    info: unexpected,
    debug: unexpected,
    warning: unexpected,
    error: unexpected,
    group: unexpected,
    mask: secret => masked.push(secret),
    hide: () => undefined,
  };
}

export function read(
  inputs: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string | undefined>> = github,
): Inputs {
  return readInputs({ environment: { ...environment, ...asRunner(inputs) }, log: maskingLog() });
}

/** The error that the inputs cause. */
export function refusal(
  inputs: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string | undefined>> = github,
): CutoverError {
  try {
    read(inputs, environment);
  } catch (thrown) {
    if (thrown instanceof CutoverError) return thrown;
    throw thrown;
  }
  throw new Error('the inputs were accepted');
}

/** The lines of that error. */
export function problems(
  inputs: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string | undefined>> = github,
): readonly string[] {
  return refusal(inputs, environment).problems.map(problem => problem.message);
}
