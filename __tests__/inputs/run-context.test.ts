import { describe, expect, it } from '@jest/globals';
import { isGitHubRun, readCiRun, runNames } from '../../src/inputs/ci-run.js';
import { github } from '../support/step-inputs.js';

describe('the run that a step belongs to', () => {
  it('is read from the environment of the runner', () => {
    const run = readCiRun(github);
    expect(run).toEqual({
      repository: 'acme/web',
      sha: '0123456789abcdef0123456789abcdef01234567',
      refName: 'main',
      runId: '4711',
      runNumber: '12',
      runAttempt: '1',
      job: 'deploy',
      actor: 'alice',
      eventName: 'push',
      url: 'https://github.com/acme/web/actions/runs/4711',
      apiUrl: 'https://api.github.com',
      workspace: '/home/runner/work/web',
    });
    expect(isGitHubRun(run)).toBe(true);
  });

  it('may be on GitHub Enterprise Server', () => {
    const run = readCiRun({
      ...github,
      GITHUB_SERVER_URL: 'https://git.acme.test',
      GITHUB_API_URL: 'https://git.acme.test/api/v3',
    });
    expect([run.url, run.apiUrl]).toEqual([
      'https://git.acme.test/acme/web/actions/runs/4711',
      'https://git.acme.test/api/v3',
    ]);
  });

  it.each([[{}], [{ GITHUB_REPOSITORY: 'acme/web' }], [{ GITHUB_REPOSITORY: '', GITHUB_RUN_ID: '1' }]])(
    'is local if the environment has only %j',
    environment => {
      const run = readCiRun(environment);
      expect(run).toMatchObject({ url: 'local', actor: 'local', sha: 'local', workspace: process.cwd() });
      expect(isGitHubRun(run)).toBe(false);
    },
  );

  it('gives the built-in names of commit and run', () => {
    expect(runNames(readCiRun(github))).toEqual({
      SHA: github.GITHUB_SHA,
      SHORT_SHA: '0123456',
      REF_NAME: 'main',
      RUN_NUMBER: '12',
      RUN_ID: '4711',
    });
  });
});
