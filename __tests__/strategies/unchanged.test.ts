import { afterEach, describe, expect, it } from '@jest/globals';
import {
  closeReleases,
  deploymentRef,
  failureOf,
  releaseAfter,
  roleManifests,
  serviceRef,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

/** Users are on blue, revision 1. */
const live = releaseAfter(async release => {
  await release.stage(roleManifests('v1'));
  await release.promote();
});

/** Somebody sends users to a port on which no pod listens. */
function breakService({ cluster: { store } }: WebRelease): void {
  const service = store.get(serviceRef('web'))!;
  const { ports, ...spec } = service['spec'] as { readonly ports: readonly object[] };
  const broken = ports.map(port => ({ ...port, targetPort: 9 }));
  store.update({ ...service, spec: { ...spec, ports: broken } }, { manager: 'kubectl-edit' });
}

describe('the content that users have already', () => {
  it('is unchanged, and nothing is written', async () => {
    const release = await live();
    expect(await release.stage(roleManifests('v1'))).toMatchObject({ outcome: 'unchanged', activeRole: 'blue' });
    expect(release.cluster.writes()).toEqual([]);
  });

  it('is not unchanged when somebody changed the public Service: a conflict names the field', async () => {
    const release = await live();
    breakService(release);
    expect(await failureOf(release.stage(roleManifests('v1')))).toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('Service shop/web') as unknown,
    });
    expect(release.cluster.writes()).toEqual([]);
  });

  it('is staged again with force-conflicts, so that the switch repairs the public Service', async () => {
    const release = await live();
    breakService(release);
    const staged = await release.stage(roleManifests('v1'), { forceConflicts: true });
    expect(staged).toMatchObject({ outcome: 'staged', stagedRole: 'green', revision: 2 });
    expect(release.cluster.store.get(deploymentRef('web-green'))).toBeDefined();
    await release.promote({ force: true });
    expect(release.cluster.store.get(serviceRef('web'))).toMatchObject({
      spec: { selector: { role: 'green' }, ports: [{ targetPort: 8080 }] },
    });
  });
});
