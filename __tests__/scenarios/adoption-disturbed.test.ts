import { afterAll, describe, expect, it } from '@jest/globals';
import { isReal, startCluster } from '../support/scenario/cluster.js';
import {
  disturb,
  foreign,
  liveWithBudget,
  stages,
  stagesOfRelease,
  untilRolledOut,
} from '../support/scenario/disturbed-adoption.js';
import type { Act, DisturbedAdoption, Stage } from '../support/scenario/disturbed-adoption.js';
import { arrived, expectRefused } from '../support/scenario/expectations.js';
import { field } from '../support/field.js';
import { openTestNamespace, type TestNamespace } from '../support/scenario/test-namespace.js';

const starting = startCluster();
afterAll(async () => (await starting).close());

const acts: readonly Act[] = ['rollout restart', 'set image'];
type By = 'kubectl' | 'rolling';
const rowsOf = (by: By, of: readonly Stage[]) =>
  of.flatMap(stage => acts.map(act => [act, stage.title, { stage, act, by }] as const));

// One real node can take the load of one crowd. The embedded cluster plays the rows beside each other, with fewer users.
const each = (rows: ReturnType<typeof rowsOf>) => (isReal ? it.each(rows) : it.concurrent.each(rows));

describe('An application with an autoscaler and a budget that is adopted under load', () => {
  each(rowsOf('kubectl', stages))('loses no request by a %s %s', playRow);
});

describe('A rolling release with an autoscaler and a budget that is adopted under load', () => {
  each(rowsOf('rolling', stagesOfRelease))('becomes blue/green and loses no request by a %s %s', playRow);
});

async function playRow(
  act: Act,
  title: string,
  row: { readonly stage: Stage; readonly act: Act; readonly by: By },
): Promise<void> {
  const cluster = await starting;
  const test = `loses no request by a ${act} ${title}`;
  const { ns, leave } = await openTestNamespace(
    cluster,
    row.by === 'kubectl' ? test : `becomes blue/green and ${test}`,
  );
  try {
    const load = isReal ? cluster.pace.crowd : cluster.pace.users;
    const application = await liveWithBudget(ns, { by: row.by, load });
    await play(ns, application, row);
    const { states, wrong } = await application.coverage.end();
    expect(wrong).toEqual([]);
    expect(states).toBeGreaterThan(20);
  } finally {
    await leave();
  }
}

async function play(
  ns: TestNamespace,
  application: DisturbedAdoption,
  row: { readonly stage: Stage; readonly act: Act },
): Promise<void> {
  const { users } = application;
  const { stage, act } = row;
  // Until users are on the twin, a release by hand reaches them, as its author wants.
  const isReleasedByHand = act === 'set image' && stage.users === 'live';
  const mayReach = act === 'set image' && stage.users === 'moving';
  const adopted = await application.play('adopt', row);
  if (isReleasedByHand) {
    expectRefused(adopted, /Deployment \S*plain was changed while its version was being brought up once more/);
    expect(await stateOf(ns)).toEqual(notAdopted);
    await untilRolledOut(ns);
    await arrived(users, foreign, 20);
    expect(await application.play('adopt')).toMatchObject({ exitCode: 0, outputs: { outcome: 'staged' } });
  } else expect(adopted).toMatchObject({ exitCode: 0, outputs: { outcome: 'staged', 'active-role': 'blue' } });
  expect(await stateOf(ns)).toEqual(staged);
  if (stage.step === 'between') await disturb(ns, act);

  const before = isReleasedByHand ? ['v1', foreign] : ['v1'];
  const known = (versions: readonly string[]) => versions.filter(version => !mayReach || version !== foreign).sort();
  expect(known(Object.keys((await users.counts()).byVersion))).toEqual(before);
  const promoting = Date.now();
  expect(await application.play('promote', row)).toMatchObject({
    exitCode: 0,
    outputs: { outcome: 'switched', 'active-role': 'green' },
  });
  expect(await stateOf(ns)).toEqual(promoted);

  await arrived(users, 'v2', 20);
  const { losses, keptAlive, byVersion, times, timeline } = await users.stop();
  expect([...losses, ...keptAlive.losses]).toEqual([]);
  expect(known(Object.keys({ ...byVersion, ...keptAlive.byVersion }))).toEqual(known([...before, 'v2']));
  expect(times['v2']?.firstAnswered).toBeGreaterThan(promoting);
  const versions = timeline.map(({ version }) => version);
  expect(versions.slice(versions.indexOf('v2'))).toEqual(['v2']);
  if (!isReleasedByHand && !mayReach) expect(versions).toEqual(['v1', 'v2']);
}

/** Selector of the public Service, replicas by Deployment, autoscalers with their targets, and budgets. */
async function stateOf(ns: TestNamespace): Promise<unknown> {
  const [service, deployments, autoscalers, budgets] = await Promise.all([
    ns.get('Service', 'plain'),
    ns.list('Deployment'),
    ns.list('HorizontalPodAutoscaler'),
    ns.list('PodDisruptionBudget'),
  ]);
  const byName = (entries: readonly (readonly [string, unknown])[]): unknown => Object.fromEntries(entries);
  return {
    role: field(service, 'spec', 'selector', 'cutover/role') ?? 'none',
    deployments: byName(deployments.map(object => [object.metadata.name, field(object, 'spec', 'replicas')])),
    autoscalers: byName(
      autoscalers.map(object => [object.metadata.name, field(object, 'spec', 'scaleTargetRef', 'name')]),
    ),
    budgets: budgets.map(({ metadata }) => metadata.name).sort(),
  };
}

const notAdopted = {
  role: 'none',
  deployments: { plain: 2 },
  autoscalers: { plain: 'plain' },
  budgets: ['plain'],
};
const staged = {
  role: 'blue',
  deployments: { plain: 0, 'plain-blue': 2, 'plain-green': 2 },
  autoscalers: { 'plain-blue': 'plain-blue' },
  budgets: ['plain-blue', 'plain-green'],
};
const promoted = {
  role: 'green',
  deployments: { 'plain-blue': 2, 'plain-green': 2 },
  autoscalers: { 'plain-blue': 'plain-blue', 'plain-green': 'plain-green' },
  budgets: ['plain-blue', 'plain-green'],
};
