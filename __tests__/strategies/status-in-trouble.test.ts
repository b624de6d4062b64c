import { load } from 'js-yaml';
import { afterEach, describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import { withField } from '../../src/kubernetes/fields.js';
import type { KubeObject, ObjectRef } from '../../src/kubernetes/object.js';
import { describeServing } from '../../src/report/serving.js';
import { statusJson } from '../../src/report/status/status-json.js';
import { idle } from '../support/cluster/run-controllers.js';
import { forgeRevision } from '../support/strategies/forgery.js';
import { statusOf } from '../support/strategies/status-of.js';
import {
  closeReleases,
  deploymentRef,
  endOf,
  killAtWrite,
  plainManifests,
  releaseAfter,
  roleManifests,
  serviceRef,
  unfinished,
  webRelease,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const unchecked = { verify: [] };
const rolling = releaseAfter(release => release.deploy(plainManifests('v1'), unchecked));
const blueGreen = releaseAfter(async release => {
  await release.stage(roleManifests('v1'));
  await release.promote();
});
const either = [
  ['rolling', rolling, 'On record, revision 1 serves users.'],
  ['blue-green', blueGreen, 'Users are on blue.'],
] as const;

const words = async (release: WebRelease): Promise<string> => describeServing((await statusOf(release)).serving);

const secretRef = (name: string): ObjectRef => ({ apiVersion: 'v1', kind: 'Secret', namespace: 'shop', name });

/** Nobody may read objects of this kind. */
function forbid({ cluster }: WebRelease, kind: string): void {
  cluster.before = call => {
    if (call.includes(kind)) throw new CutoverError(`may not read ${kind}`, { code: 'forbidden' });
  };
}

/** Somebody sets the image of the Deployment. */
function setImage({ cluster: { store } }: WebRelease): void {
  const path = ['spec', 'template', 'spec', 'containers', 0, 'image'];
  store.update(withField(store.get(deploymentRef('web'))!, path, 'site:other'), { manager: 'kubectl-set' });
}

describe('a status', () => {
  it.each(either)('of a %s release answers where its revision is lost from the record', async (_, given, users) => {
    const release = await given();
    release.cluster.store.remove(secretRef('cutover-web.1'));
    const outcome = await statusOf(release);
    expect(outcome).toMatchObject({
      outcome: 'status',
      serving: { live: { uncompared: [{ ref: secretRef('cutover-web.1') }] } },
    });
    expect(describeServing(outcome.serving)).toContain(users);
  });

  it.each([
    ['rolling', rolling, 'On record, revision 1 serves users.'],
    ['blue-green', blueGreen, 'The public Service selects blue.'],
  ] as const)('of a %s release answers without the right to list endpoints', async (_, given, users) => {
    const release = await given();
    forbid(release, 'EndpointSlice');
    const outcome = await statusOf(release);
    const unknown = {
      ref: serviceRef('web'),
      reason: 'how many of its endpoints are ready is unknown: may not read EndpointSlice',
    };
    expect(outcome).toMatchObject({
      outcome: 'status',
      serving: { live: { services: [{ ref: serviceRef('web'), unknown: true }], uncompared: [unknown] } },
    });
    const text = describeServing(outcome.serving);
    expect(text).toContain(users);
    expect(text).toContain('2 of 2 ready');
    expect(text).not.toContain('does not exist');
  });

  it.each(['Pod', 'ReplicaSet', 'Lease'])('answers without the right to read %s', async kind => {
    const release = await rolling();
    forbid(release, kind);
    expect(await words(release)).toMatch(/is unknown: may not read /);
  });

  it('says without reserve that a revision serves users where everything is as recorded', async () => {
    expect(await words(await rolling())).toBe(
      'Revision 1 serves users. Deployment shop/web 2 of 2 ready. Service shop/web has 2 ready endpoints.',
    );
  });

  it.each<[string, (release: WebRelease) => unknown]>([
    ['an image was set by hand', setImage],
    ['the Service is gone', ({ cluster }) => cluster.store.remove(serviceRef('web'))],
    [
      'a deploy was left as it is',
      release => {
        release.answer = () => 500;
        return endOf(release.deploy(plainManifests('v2'), { rollbackOnFailure: false }));
      },
    ],
  ])('says that the revision is from the record where %s', async (_, happens) => {
    const release = await rolling();
    await happens(release);
    await idle();
    expect(await words(release)).toMatch(/^On record, revision 1 serves users\./);
  });

  it('names what else runs pods behind a Service', async () => {
    const release = await rolling();
    const [, other = ''] = plainManifests('v0').split('---\n');
    release.cluster.given(load(other.replace('{name: web}', '{name: old, namespace: shop}')) as KubeObject);
    await idle();
    const outcome = await statusOf(release);
    expect(describeServing(outcome.serving)).toContain('not of this revision: Deployment shop/old (2 pods).');
    expect(JSON.parse(statusJson(outcome)!)).toMatchObject({
      strangers: [{ kind: 'Deployment', name: 'old', pods: 2, service: { kind: 'Service', name: 'web' } }],
    });
  });

  it('names the run that is at work, and does not ask to repeat its step', async () => {
    const release = await rolling();
    const { cluster } = release;
    let text: Promise<string> | undefined;
    cluster.before = call => {
      if (call.startsWith('APPLY Deployment')) text ??= words(release);
    };
    await release.deploy(plainManifests('v2'), unchecked);
    expect(await text).toContain('a run is at work: https://github.com/acme/shop/actions/runs/2.');
    expect(await text).not.toContain('run that step again');
    expect(await words(release)).not.toContain('a run is at work');
  });

  const secret = 'apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: hunter2hunter2}\n---\n';
  const withSecret = releaseAfter(release => release.deploy(secret + plainManifests('v1'), unchecked));

  it('tells that a Secret is gone', async () => {
    const release = await withSecret();
    expect(await words(release)).toMatch(/^Revision 1 serves users\./);
    release.cluster.store.remove(secretRef('db'));
    expect(await words(release)).toContain('Secret shop/db is on record, but it is gone.');
  });

  it('tells who has changed the data of a Secret, and not the data', async () => {
    const release = await withSecret();
    const { store } = release.cluster;
    const data = { password: Buffer.from('another-secret').toString('base64') };
    store.update({ ...store.get(secretRef('db'))!, data }, { manager: 'kubectl-edit' });
    const text = await words(release);
    expect(text).toContain('Secret shop/db was changed outside of Cutover: data.password by kubectl-edit');
    expect(text).not.toMatch(/hunter2|another-secret|YW5vdGhlci/);
  });

  it('compares an object that has a field `hash`, as a Secret has on record', async () => {
    const release = await rolling();
    forgeRevision(release, 1, ({ objects }) => ({ objects: objects.map(object => ({ ...object, hash: 'x' })) }));
    release.cluster.store.remove(serviceRef('web'));
    expect(await words(release)).toContain('Service shop/web is on record, but it is gone.');
  });

  it.each(['StatefulSet', 'DaemonSet'])('tells a %s', async kind => {
    const release = webRelease();
    const text = plainManifests('v1').replace('kind: Deployment', `kind: ${kind}`);
    const fit = kind === 'DaemonSet' ? text.replace('  replicas: 2\n', '') : text;
    await release.deploy(fit, unchecked);
    expect(await words(release)).toMatch(new RegExp(`${kind} shop/web (\\d+) of \\1 ready`));
  });

  it('has the Deployments that serve as a member of its JSON while an adoption is unfinished', async () => {
    const release = await rolling();
    killAtWrite(release.cluster, 5);
    await endOf(release.stage(plainManifests('v2'), unchecked));
    release.cluster.before = () => undefined;
    expect(unfinished(release.cluster)).toBe('adopt');
    expect(JSON.parse(statusJson(await statusOf(release))!)).toMatchObject({
      toAdopt: [{ kind: 'Deployment', namespace: 'shop', name: 'web' }],
    });
  });
});
