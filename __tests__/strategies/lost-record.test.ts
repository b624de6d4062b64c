import { afterEach, describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import { FailedStep, type Outcome } from '../../src/strategies/outcome/outcome.js';
import { falseWords, wordsOf } from '../support/strategies/kills.js';
import {
  closeReleases,
  endOf,
  plainManifests,
  releaseAfter,
  roleManifests,
  served,
  unfinished,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const site = (version: string): string => roleManifests(version, { autoscaler: false });
const noAnswer = new CutoverError('no answer from the API server', { code: 'unreachable' });

/**
 * The second write of the state, which says that the step is done, is carried out, but its answer is lost. `unreadable`: nor
 * is the next request answered.
 */
function loseSecondAnswer({ cluster }: WebRelease, { unreadable }: { readonly unreadable: boolean }): void {
  let seen = 0;
  const replace = cluster.replace.bind(cluster);
  cluster.replace = async object => {
    const answer = await replace(object);
    if (object.metadata.name !== 'cutover-web' || (seen += 1) !== 2) return answer;
    if (unreadable)
      cluster.before = () => {
        cluster.before = () => undefined;
        throw noAnswer;
      };
    throw noAnswer;
  };
}

interface Case {
  readonly what: string;
  readonly from: () => Promise<WebRelease>;
  readonly step: (web: WebRelease) => Promise<Outcome>;
  readonly outcome: string;
  /** What users get once the step is done. */
  readonly images: readonly string[];
  /** The outcome of the same step after it. */
  readonly again: string;
}

const cases: readonly Case[] = [
  {
    what: 'a rolling deploy',
    from: releaseAfter(async web => {
      await web.deploy(plainManifests('v1'));
    }),
    step: web => web.deploy(plainManifests('v2')),
    outcome: 'deployed',
    images: ['site:v2', 'site:v2'],
    again: 'unchanged',
  },
  {
    what: 'a promotion',
    from: releaseAfter(async web => {
      for (const version of ['v1', 'v2']) {
        await web.stage(site(version));
        if (version === 'v1') await web.promote();
      }
    }),
    step: web => web.promote(),
    outcome: 'switched',
    images: ['site:v2', 'site:v2'],
    again: 'switched',
  },
  {
    what: 'a rolling deploy that leaves the roles',
    from: releaseAfter(async web => {
      for (const version of ['v1', 'v2']) {
        await web.stage(plainManifests(version));
        await web.promote();
      }
    }),
    step: web => web.deploy(plainManifests('v3')),
    outcome: 'deployed',
    images: ['site:v3', 'site:v3'],
    again: 'unchanged',
  },
];

describe.each(cases)('the record that $what is done', ({ from, step, outcome, images, again }) => {
  it('counts when its answer is lost', async () => {
    const web = await from();
    loseSecondAnswer(web, { unreadable: false });
    const end = await endOf(step(web));
    expect(wordsOf(end)).toBe(outcome);
    expect(falseWords(web, end)).toEqual([]);
    expect(served(web.cluster)).toEqual(images);
    expect(unfinished(web.cluster)).toBe('-');
  });

  it('is not contradicted by a restore when it cannot be read either', async () => {
    const web = await from();
    loseSecondAnswer(web, { unreadable: true });
    const end = await endOf(step(web));
    expect(end).toBeInstanceOf(FailedStep);
    expect((end as FailedStep).error.code).toBe('record-unknown');
    expect(falseWords(web, end)).toEqual([]);
    expect(served(web.cluster)).toEqual(expect.arrayContaining([...images]));
    const next = await endOf(step(web));
    expect(wordsOf(next)).toBe(again);
    expect(falseWords(web, next)).toEqual([]);
    expect(served(web.cluster)).toEqual(images);
    expect(unfinished(web.cluster)).toBe('-');
  });
});
