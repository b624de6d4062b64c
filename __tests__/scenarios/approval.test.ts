import { afterAll, describe, expect } from '@jest/globals';
import { decodeRevision } from '../../src/release/revision.js';
import { startGitHub } from '../support/github-server.js';
import type { GitHubOptions } from '../support/github-server.js';
import { tomcat } from '../support/scenario/applications.js';
import { startCluster } from '../support/scenario/cluster.js';
import { scenario } from '../support/scenario/scenario.js';
import { expectRefused, expectUsersSaw } from '../support/scenario/expectations.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

const token = 'token-of-this-job';
const runId = '1000';
const approved = { environments: ['production'], state: 'approved', by: 'mona', comment: 'tried it, ship it' } as const;
const fine: GitHubOptions = {
  token,
  repository: 'shop/website',
  environments: { production: { reviewers: ['mona', 'hubot'] } },
  approvals: { [runId]: [approved] },
};

describe('The approval', () => {
  scenario('lets a run go on that a required reviewer approved, and names the reviewer', cluster, async ns => {
    const github = await startGitHub(fine);
    try {
      await tomcat.bring(ns);
      await ns.given(tomcat.release('7'));
      await ns.given(tomcat.deploy('8'));
      const users = await ns.users(tomcat.service);
      const promoted = await ns.step(tomcat.promote({ approval: 'production' }), {
        token,
        environment: { GITHUB_API_URL: github.url, GITHUB_RUN_ID: runId },
      });
      expect(promoted).toMatchObject({ exitCode: 0, outputs: { outcome: 'switched', 'active-role': 'green' } });
      await expectUsersSaw(users, ['7', '8']);
      for (const text of [promoted.log, promoted.summary]) {
        expect(text).toContain('Approved for environment production by mona: tried it, ship it');
        expect(text).toContain('which this run staged');
        expect(text).toContain('proved by the deployment that GitHub made for it');
        expect(text).not.toContain(token);
      }
      expect(github.requests.every(asked => asked.startsWith('GET '))).toBe(true);
    } finally {
      await github.close();
    }
  });

  scenario('is proved for the revision, by the ID token of a job in its second attempt', cluster, async ns => {
    const github = await startGitHub({ ...fine, claims: { run_id: '8', run_attempt: '2' }, deployments: [] });
    const environment = { GITHUB_API_URL: github.url, GITHUB_RUN_ID: '8', GITHUB_RUN_ATTEMPT: '2' };
    github.set({ approvals: { 8: [approved] } });
    try {
      await tomcat.bring(ns);
      await ns.given(tomcat.release('7'));
      const { outputs } = await ns.given(tomcat.deploy('8'));
      const job = { token, environment: { ...environment, ...github.idTokenEnvironment } };
      const unnamed = await ns.step(tomcat.promote({ approval: 'production' }), job);
      expectRefused(unnamed, /does not cover revision 2, which is staged on green: this run did not stage it/);
      expect(github.requests).toEqual([]);
      const revision = outputs.revision ?? '';
      const promoted = await ns.given(tomcat.promote({ approval: 'production', revision }), job);
      for (const text of [promoted.log, promoted.summary]) {
        expect(text).toMatch(/the revision that input .*revision.* names/);
        expect(text).toContain('attempt 2 of this run, proved by its ID token');
        expect(text).toContain('Attempt of the review unknown');
      }
      const record = await ns.get('Secret', 'cutover-tomcat-service.2');
      expect(record && decodeRevision(record).approval).toEqual({
        ...{ environment: 'production', subject: 'revision-input', job: 'id-token', attempt: 2 },
        ...{ by: ['mona'], comment: 'tried it, ship it' },
      });
      const back = await ns.given(tomcat.rollback());
      for (const text of [back.log, back.summary]) expect(text).toContain('Approval: not asked for');
    } finally {
      await github.close();
    }
  });

  const refusals: readonly {
    readonly what: string;
    readonly github?: Partial<GitHubOptions>;
    readonly token?: string;
    readonly names: readonly RegExp[];
  }[] = [
    {
      what: 'a run that nobody approved',
      github: { approvals: {} },
      names: [/no approval/, /environment: production/],
    },
    {
      what: 'a run that was approved for another environment only',
      github: { approvals: { [runId]: [{ ...approved, environments: ['staging'] }] } },
      names: [/no approval/],
    },
    {
      what: 'a run that was rejected',
      github: { approvals: { [runId]: [{ ...approved, state: 'rejected', comment: 'not today' }] } },
      names: [/mona/, /rejected/, /not today/],
    },
    {
      what: 'a run that a person approved and another rejected',
      github: { approvals: { [runId]: [{ ...approved, state: 'rejected', by: 'hubot' }, approved] } },
      names: [/hubot rejected/],
    },
    {
      what: 'a run that only a bot approved',
      github: { approvals: { [runId]: [{ ...approved, type: 'Bot' }] } },
      names: [/not the account of a person/],
    },
    {
      what: 'an environment without required reviewers',
      github: { environments: { production: {} } },
      names: [/no required reviewers/, /Settings → Environments/],
    },
    {
      what: 'an environment that does not exist',
      github: { environments: {} },
      names: [/no environment of that name/, /Required reviewers/],
    },
    {
      what: 'a token that may not read runs',
      github: { mayReadActions: false },
      names: [/403/, /actions: read/],
    },
    { what: 'a token that GitHub does not know', token: 'of-yesterday', names: [/401/, /token/] },
    { what: 'a step without a token', token: '', names: [/token/] },
  ];

  for (const { what, github: settings, token: given = token, names } of refusals)
    scenario(`stops ${what} before anything is written`, cluster, async ns => {
      const github = await startGitHub({ ...fine, ...settings });
      try {
        await tomcat.bring(ns);
        await ns.given(tomcat.release('7'));
        await ns.given(tomcat.deploy('8'));
        const before = [await ns.versions(), await ns.list('Lease')];
        const users = await ns.users(tomcat.service);
        const result = await ns.step(tomcat.promote({ approval: 'production' }), {
          token: given,
          environment: { GITHUB_API_URL: github.url, GITHUB_RUN_ID: runId },
        });
        for (const name of names) expectRefused(result, name);
        await expectUsersSaw(users, ['7']);
        expect([await ns.versions(), await ns.list('Lease')]).toEqual(before);
        if (given !== '') expect(`${result.log}${result.summary}`).not.toContain(given);
      } finally {
        await github.close();
      }
    });
});
