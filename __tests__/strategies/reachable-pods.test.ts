import { afterEach, describe, expect, it } from '@jest/globals';
import { describeServing } from '../../src/report/serving.js';
import { FailedStep } from '../../src/strategies/outcome/outcome.js';
import {
  closeReleases,
  denied,
  failureOf,
  plainManifests,
  served,
  unfinished,
  webRelease,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const deployment = (name: string, version: string): string => `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec: {containers: [{name: main, image: "${name}:${version}"}]}
`;
const service = (name: string, selector = `app: ${name}`, more = ''): string => `---
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec: {${selector && `selector: {${selector}}, `}${more}ports: [{port: 80, targetPort: 8080}]}
`;
const statefulSet = (version: string, { update }: { readonly update: string }): string => `---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 3
  serviceName: db
  updateStrategy: {${update}}
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: main, image: "db:${version}"}]}
${service('db')}`;
const partition = (n: number): string => `type: RollingUpdate, rollingUpdate: {partition: ${n}}`;
const canary = deployment('canary', 'v2').replaceAll('{app: canary}', '{app: web, track: canary}');
const external = service('other', '', 'type: ExternalName, externalName: other.example, ');

const stayed = 'Revision 1 serves users.';
const reached = 'Revision 1 serves users. Until it was restored, they could reach pods of revision 2.';

/** Refuses to record that a deploy is done, so that it is restored once its pods are up. */
function refuseToFinish({ cluster }: WebRelease): void {
  cluster.before = call => {
    if (call === 'REPLACE Secret shop/cutover-web' && unfinished(cluster) === 'deploy') throw denied;
  };
}

async function saidBy(step: Promise<unknown>): Promise<string> {
  const failure = await failureOf(step);
  if (!(failure instanceof FailedStep)) throw failure;
  return describeServing(failure.outcome.serving);
}

describe('a rolling deploy that is restored once its pods are up', () => {
  it.each<readonly [string, string, string, string]>([
    ['all pods are new', plainManifests('v1'), plainManifests('v2'), reached],
    [
      'an internal Deployment is new',
      plainManifests('v1'),
      plainManifests('v1') + deployment('cache', 'v1') + service('cache'),
      reached,
    ],
    ['one canary is beside the old pods', plainManifests('v1'), plainManifests('v1') + canary, reached],
    [
      'a partition keeps some of the old pods',
      statefulSet('v1', { update: partition(2) }),
      statefulSet('v2', { update: partition(2) }),
      reached,
    ],
    [
      'the pods that a partition kept are replaced',
      statefulSet('v1', { update: partition(3) }),
      statefulSet('v1', { update: partition(0) }),
      reached,
    ],
    [
      'a partition keeps all old pods',
      statefulSet('v1', { update: partition(3) }),
      statefulSet('v2', { update: partition(3) }),
      stayed,
    ],
    [
      'a Service selects a Deployment that did not change',
      deployment('a', 'v1') + deployment('b', 'v1') + service('web', 'app: a'),
      deployment('a', 'v1') + deployment('b', 'v1') + service('web', 'app: b'),
      reached,
    ],
    [
      'there were no pods before',
      plainManifests('v1').replace('replicas: 2', 'replicas: 0'),
      plainManifests('v1'),
      reached,
    ],
    [
      'a Service is new, and its pods are not',
      plainManifests('v1'),
      plainManifests('v1') + service('more', 'app: web'),
      stayed,
    ],
    [
      'the new pods have no Service',
      plainManifests('v1') + deployment('worker', 'v1'),
      plainManifests('v1') + deployment('worker', 'v2'),
      stayed,
    ],
    ['there is no Service', deployment('worker', 'v1'), deployment('worker', 'v2'), stayed],
    [
      'the only Service is of another name',
      deployment('worker', 'v1') + external,
      deployment('worker', 'v2') + external,
      stayed,
    ],
    [
      'the only Service has no selector',
      deployment('worker', 'v1') + service('worker', ''),
      deployment('worker', 'v2') + service('worker', ''),
      stayed,
    ],
  ])('says whether users could reach pods of it: %s', async (_what, first, ...[second, said]) => {
    const release = webRelease();
    await release.deploy(first, { verify: [] });
    refuseToFinish(release);
    expect(await saidBy(release.deploy(second, { verify: [] }))).toContain(said);
  });
});

describe('a rolling deploy after one that was left unfinished with its pods up', () => {
  const v2Left = async (): Promise<WebRelease> => {
    const release = webRelease();
    const { cluster } = release;
    await release.deploy(plainManifests('v1'));
    release.answer = () => 500;
    await failureOf(release.deploy(plainManifests('v2'), { rollbackOnFailure: false }));
    expect([served(cluster), unfinished(cluster)]).toEqual([['site:v2', 'site:v2'], 'deploy']);
    return release;
  };

  it.each([
    ['of the same manifests', 'v2', 'Until it was restored, they could reach pods of revision 3.'],
    ['whose pods never become ready', 'broken', ''],
  ])('does not say that users are where they were: one %s', async (_what, version, more) => {
    const release = await v2Left();
    const said = await saidBy(release.deploy(plainManifests(version)));
    expect(said).toBe(`Everything was restored and is ready. Revision 1 serves users. ${more}`.trim());
    expect(served(release.cluster)).toEqual(['site:v1', 'site:v1']);
  });

  it('says nothing of its own pods when it goes back to the revision before', async () => {
    const release = await v2Left();
    expect(await saidBy(release.rollback())).toBe('Everything was restored and is ready. Revision 1 serves users.');
  });
});
