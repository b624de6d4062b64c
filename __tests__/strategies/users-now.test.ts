import { afterEach, describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import { describeServing } from '../../src/report/serving.js';
import { FailedStep, type Outcome } from '../../src/strategies/outcome/outcome.js';
import { idle } from '../support/cluster/run-controllers.js';
import { promoted, select, site, staged } from '../support/strategies/switched-by-others.js';
import {
  closeReleases,
  endOf,
  killed,
  plainManifests,
  releaseAfter,
  served,
  serviceRef,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

/** The same as `promoted`, in the mode that copies the manifests for each role. */
const copied = releaseAfter(async web => {
  for (const version of ['v1', 'v2']) {
    await web.stage(plainManifests(version));
    await web.promote();
  }
});

/** What a step says, and about whom. */
function saidBy(end: Outcome | FailedStep | CutoverError): {
  readonly text: string;
  readonly role: string | undefined;
} {
  const outcome = end instanceof FailedStep ? end.outcome : end;
  if (outcome instanceof CutoverError) throw outcome;
  return { text: describeServing(outcome.serving), role: outcome.activeRole };
}

const onBlue = 'Users are on blue: the public Service leads there now.';

describe('a rollback that fails after somebody has led users back by hand', () => {
  it('says where they are when the checks after its switch fail', async () => {
    const web = await promoted();
    select(web, { app: 'web', role: 'blue' });
    web.answer = ({ kind, name }) => (kind === 'Service' && name === 'web' ? 500 : 200);
    const end = await endOf(web.rollback());
    await idle();
    expect(served(web.cluster)).toEqual(['site:v1', 'site:v1']);
    expect(end).toBeInstanceOf(FailedStep);
    expect(saidBy(end)).toEqual({
      text: `${onBlue} This step has undone its own change to Service shop/web.`,
      role: 'blue',
    });
  });

  it('says where they are when the Service cannot be written', async () => {
    const web = await promoted();
    select(web, { app: 'web', role: 'blue' });
    web.cluster.before = call => {
      if (call === 'APPLY Service shop/web') throw killed;
    };
    const end = await endOf(web.rollback());
    expect(end).toBeInstanceOf(FailedStep);
    expect(saidBy(end)).toMatchObject({ text: expect.stringContaining(onBlue), role: 'blue' });
  });
});

describe('a deploy that leaves the roles', () => {
  it('says that users are on the other role where it has found them there', async () => {
    const web = await copied();
    web.cluster.before = call => {
      if (call === 'APPLY Deployment shop/web') select(web, { app: 'web', 'cutover/role': 'blue' });
    };
    const end = await endOf(web.deploy(plainManifests('v3')));
    await idle();
    expect(served(web.cluster)).toEqual(['site:v1', 'site:v1']);
    expect(end).toBeInstanceOf(FailedStep);
    expect(saidBy(end).text).toBe(`${onBlue} Everything was restored.`);
  });

  it('says where users are when somebody leads them back while it deletes the roles', async () => {
    const web = await copied();
    web.cluster.before = call => {
      if (!call.startsWith('REMOVE Deployment shop/web-green')) return;
      select(web, { app: 'web', 'cutover/role': 'green' });
      throw killed;
    };
    const end = await endOf(web.deploy(plainManifests('v3')));
    await idle();
    expect(served(web.cluster)).toEqual(['site:v2', 'site:v2']);
    expect(end).toBeInstanceOf(FailedStep);
    expect(saidBy(end).text).toContain('Users are on green: the public Service leads there now.');
  });
});

/** `act` gets the calls of a deploy with `switch: auto` once its staging is on record. */
function onceStaged({ cluster }: WebRelease, act: (call: string) => void): void {
  let writes = 0;
  cluster.before = call => {
    if (writes >= 2) act(call);
    if (call === 'REPLACE Secret shop/cutover-web') writes += 1;
  };
}

describe('a staging during which somebody leads users to the role that it stages on', () => {
  it('says so when its promotion in the same step refuses', async () => {
    const web = await promoted();
    onceStaged(web, () => select(web, { app: 'web', role: 'blue' }));
    const end = await endOf(web.go(site('v3')));
    await idle();
    expect(served(web.cluster)).toEqual(['site:v3', 'site:v3']);
    expect(end).toBeInstanceOf(FailedStep);
    expect(saidBy(end)).toEqual({ text: `${onBlue} Revision 3 is staged on blue.`, role: 'blue' });
    expect((end as FailedStep).outcome).not.toHaveProperty('rollbackHint');
  });

  it('says nothing of others when it could not be read once, and nobody did', async () => {
    const web = await promoted();
    let isRead = false;
    onceStaged(web, call => {
      if (call === 'GET Service shop/web' && !isRead) throw noAnswer;
      isRead = true;
      if (call === 'GET Secret shop/cutover-web') throw new CutoverError('forbidden', { code: 'forbidden' });
    });
    const end = await endOf(web.go(site('v3')));
    await idle();
    expect(served(web.cluster)).toEqual(['site:v2', 'site:v2']);
    expect(end).toBeInstanceOf(FailedStep);
    expect(saidBy(end)).toEqual({
      text: 'Users are on green: the public Service leads there now. Revision 3 is staged on blue.',
      role: 'green',
    });
    expect((end as FailedStep).outcome.rollbackHint).toMatchObject({ action: 'reject' });
  });
});

/** Steps that fail once somebody has changed the public Service. `at`: the call at which that happens. */
const steps: readonly {
  readonly title: string;
  readonly given: () => Promise<WebRelease>;
  readonly at: RegExp;
  readonly step: (web: WebRelease) => Promise<Outcome>;
}[] = [
  { title: 'a staging', given: promoted, at: /^APPLY Deployment shop\/web-blue$/, step: web => web.stage(site('v3')) },
  { title: 'a promotion', given: staged, at: /^APPLY Service shop\/web$/, step: web => web.promote() },
  { title: 'a rollback', given: promoted, at: /^APPLY Service shop\/web$/, step: web => web.rollback() },
  { title: 'a rejection', given: staged, at: /^[A-Z]+ Deployment shop\/web-blue$/, step: web => web.reject() },
  {
    title: 'a deploy that leaves the roles',
    given: copied,
    at: /^APPLY Deployment shop\/web$/,
    step: web => web.deploy(plainManifests('v3')),
  },
];

const noAnswer = new CutoverError('the API server does not answer', { code: 'unreachable' });

/** What somebody does to the public Service, and what is said of users then. `isRead`: whether the Service can still be read. */
const deeds: readonly {
  readonly title: string;
  readonly act: (web: WebRelease) => void;
  readonly says: RegExp;
  readonly isRead: boolean;
}[] = [
  {
    title: 'is deleted',
    act: web => web.cluster.store.remove(serviceRef('web')),
    says: /^Nobody is served: the public Service is gone\./,
    isRead: true,
  },
  {
    title: 'selects neither role',
    act: web => select(web, { app: 'other' }),
    says: /^It is not known what serves users now: Service shop\/web selects neither blue nor green/,
    isRead: true,
  },
  {
    title: 'cannot be read',
    act: () => undefined,
    says: /^It is not known (what serves users now|whether the switch was made): the API server does not answer\./,
    isRead: false,
  },
];

describe.each(steps)('$title that fails after the public Service', ({ given, at, step }) => {
  it.each(deeds)('$title says so', async ({ act, says, isRead }) => {
    const web = await given();
    let isDone = false;
    web.cluster.before = call => {
      if (isDone && !isRead && call === 'GET Service shop/web') throw noAnswer;
      if (isDone || !at.test(call) || call.startsWith('GET')) return;
      isDone = true;
      act(web);
      throw killed;
    };
    const end = await endOf(step(web));
    expect(end).toBeInstanceOf(FailedStep);
    const { text, role } = saidBy(end);
    expect(text).toMatch(says);
    expect(role).toBeUndefined();
  });
});
