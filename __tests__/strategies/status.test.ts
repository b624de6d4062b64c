import { afterEach, describe, expect, it } from '@jest/globals';
import { withField } from '../../src/kubernetes/fields.js';
import { describeServing } from '../../src/report/serving.js';
import { statusJson } from '../../src/report/status/status-json.js';
import { statusOf } from '../support/strategies/status-of.js';
import {
  closeReleases,
  configRef,
  failureOf,
  plainManifests,
  releaseAfter,
  roleManifests,
  serviceRef,
  staged,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

/** A Service that has no endpoints, although it has a selector. */
const external = `apiVersion: v1
kind: Service
metadata: {name: old-name}
spec: {type: ExternalName, externalName: web.shop.svc.cluster.local, selector: {app: web}}
---
`;

/** Somebody edits the selector of the public Service. */
function select({ cluster: { store } }: WebRelease, selector: object): void {
  store.update(withField(store.get(serviceRef('web'))!, ['spec', 'selector'], selector), { manager: 'kubectl-patch' });
}

describe('status', () => {
  it('of a release that is as recorded tells the endpoints and no difference', async () => {
    const outcome = await statusOf(await staged());
    expect(outcome).toMatchObject({
      outcome: 'status',
      activeRole: 'blue',
      stagedRole: 'green',
      serving: {
        active: 'blue',
        live: { services: [{ ref: serviceRef('web'), endpoints: 2 }], drift: [], uncompared: [] },
      },
    });
    expect(JSON.parse(statusJson(outcome)!)).toMatchObject({
      format: 1,
      activeRole: 'blue',
      services: [{ kind: 'Service', name: 'web', endpoints: 2 }],
      roles: [
        { role: 'blue', revision: 1, staged: false },
        { role: 'green', revision: 2, staged: true },
      ],
      drift: [],
    });
  });

  it('names who has moved the public Service to the other role by hand', async () => {
    const release = await staged();
    select(release, { app: 'web', role: 'green' });
    const outcome = await statusOf(release);
    expect(outcome.serving).toMatchObject({
      active: 'green',
      expected: 1,
      live: { drift: [{ ref: serviceRef('web'), what: 'changed', by: [{ manager: 'kubectl-patch' }] }] },
    });
    expect(describeServing(outcome.serving)).toMatch(
      /^Users are on green, but on record they are on revision 1: [^]*Service shop\/web was changed outside of Cutover: spec\.selector.* by kubectl-patch at \d/,
    );
  });

  it.each([
    ['both roles', { app: 'web' }],
    ['neither role', { app: 'www' }],
  ])('fails where the public Service selects %s, and tells everything else', async (_, selector) => {
    const release = await staged();
    select(release, selector);
    const outcome = await statusOf(release);
    expect(outcome).toMatchObject({
      outcome: 'failed',
      serving: {
        roles: [{ role: 'blue' }, { role: 'green' }],
        live: { undecided: expect.stringContaining('selects') },
      },
    });
    expect(outcome.activeRole).toBeUndefined();
    expect(describeServing(outcome.serving)).toMatch(/^Nobody can tell which role users are on\..*kubectl-patch/);
  });

  it('does not call a role staged that a failed staging has changed in part', async () => {
    const release = await staged();
    release.answer = () => 500;
    await failureOf(release.stage(roleManifests('v3'), { rollbackOnFailure: false }));
    const outcome = await statusOf(release);
    expect(outcome.stagedRole).toBeUndefined();
    expect(outcome.serving).toMatchObject({
      roles: [{ role: 'blue' }, { role: 'green', staged: false, halfDone: true }],
    });
    expect(describeServing(outcome.serving)).toContain('Unfinished: the staging of revision 3');
  });

  it('of a rolling release tells what is gone, and that nobody gets an answer', async () => {
    const release = await releaseAfter(async one => {
      await one.deploy(external + plainManifests('v1'));
    })();
    expect((await statusOf(release)).serving).toMatchObject({ live: { services: [{ endpoints: 2 }], drift: [] } });
    release.cluster.store.remove(configRef('settings'));
    select(release, { app: 'www' });
    for (const slice of release.cluster.store.list({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      namespace: 'shop',
    }))
      release.cluster.store.update({ ...slice, endpoints: [] });
    const words = describeServing((await statusOf(release)).serving);
    expect(words).toContain('Service shop/web has no ready endpoint: nobody gets an answer through it.');
    expect(words).toContain('ConfigMap shop/settings is on record, but it is gone.');
  });
});
