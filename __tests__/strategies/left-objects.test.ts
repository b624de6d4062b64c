import { afterEach, describe, expect, it } from '@jest/globals';
import { withField } from '../../src/kubernetes/fields.js';
import { describeRecovered } from '../../src/report/restored.js';
import { describeServing } from '../../src/report/serving.js';
import { FailedStep } from '../../src/strategies/outcome/outcome.js';
import { idle } from '../support/cluster/run-controllers.js';
import { liveWeb } from '../support/strategies/live-web.js';
import {
  closeReleases,
  configRef,
  deploymentRef,
  failureOf,
  killAtWrite,
  leaseRef,
  plainManifests,
  roleManifests,
  served,
  serviceRef,
  staged,
  unfinished,
  webRelease,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

/** Another tool writes an annotation into the pod template of a Deployment, as a restart does. */
async function annotate({ cluster: { store } }: WebRelease, name: string): Promise<void> {
  const path = ['spec', 'template', 'metadata', 'annotations', 'reloader/last'];
  store.update(withField(store.get(deploymentRef(name))!, path, '1'), { manager: 'Reloader' });
  await idle();
}

const advice = 'Look at it, and delete or change back by hand what nobody needs.';
const left = (name: string) => `Left as it is: Deployment shop/${name} (Reloader wrote it too). ${advice}`;

describe('an object that another tool has written is not deleted, and the report names it', () => {
  it('after a rejection', async () => {
    const release = await staged();
    const { store } = release.cluster;
    await annotate(release, 'web-green');
    const rejected = await release.reject();
    expect([store.get(deploymentRef('web-green')), store.get(configRef('web-green'))]).toEqual([
      expect.anything(),
      undefined,
    ]);
    expect(rejected.changes).toEqual([{ ref: configRef('web-green'), change: 'deleted' }]);
    expect(describeServing(rejected.serving)).toBe(
      `Users are on blue, revision 1, as before. Revision 2 is discarded. On green: Everything else was restored. ${left('web-green')}`,
    );
  });

  it('after the post step of an adoption', async () => {
    const release = webRelease();
    const { cluster } = release;
    cluster.givenBy('kubectl-client-side-apply', ...liveWeb);
    await idle();
    killAtWrite(cluster, 7);
    await failureOf(release.stage(plainManifests('v2'))).catch(() => undefined);
    cluster.before = () => undefined;
    await annotate(release, 'web-blue');
    const recovered = await release.post();
    expect(recovered).toMatchObject({ kind: 'restored', left: [{ ref: deploymentRef('web-blue') }] });
    expect(describeRecovered(recovered)).toBe(
      `The run was killed during the adoption as blue; everything else was restored. ${left('web-blue')}`,
    );
    expect(unfinished(cluster)).toBe('-');
  });

  it('after the post step of a staging', async () => {
    const release = webRelease();
    const { cluster } = release;
    await release.stage(roleManifests('v1'));
    await release.promote();
    killAtWrite(cluster, 6);
    await failureOf(release.stage(roleManifests('v2'))).catch(() => undefined);
    cluster.before = () => undefined;
    await annotate(release, 'web-green');
    const recovered = await release.post();
    expect(describeRecovered(recovered)).toBe(
      `The run was killed during the staging of revision 2; everything else was restored. ${left('web-green')}`,
    );
  });
});

describe('a public Service that did not exist before its first switch, and that another tool has written', () => {
  /** Revision 1 is staged; somebody writes the Service as soon as it exists. */
  async function switchedFirst(release: WebRelease): Promise<void> {
    await release.stage(roleManifests('v1'));
    const { cluster } = release;
    const apply = cluster.apply.bind(cluster);
    cluster.apply = async (object, options) => {
      const answer = await apply(object, options);
      const { store } = cluster;
      if (object.kind === 'Service' && object.metadata.name === 'web')
        store.update(withField(store.get(serviceRef('web'))!, ['metadata', 'labels', 'seen'], 'yes'), {
          manager: 'mesh',
        });
      return answer;
    };
  }

  it('is not told as removed when its checks fail', async () => {
    const release = webRelease();
    await switchedFirst(release);
    let asked = 0;
    release.answer = () => (++asked > 2 ? 500 : 200);
    const failure = await failureOf(release.promote());
    expect(failure).toBeInstanceOf(FailedStep);
    expect(describeServing((failure as FailedStep).outcome.serving)).toBe(
      'Service shop/web selects blue, revision 1: it could not be switched back (Service shop/web did not exist before and is not removed: mesh wrote it too).',
    );
    expect([served(release.cluster), unfinished(release.cluster)]).toEqual([['site:v1', 'site:v1'], 'switch']);
  });

  it('stays on record as unfinished after the post step, and the next promotion finishes it', async () => {
    const release = webRelease();
    const { cluster } = release;
    await switchedFirst(release);
    killAtWrite(cluster, 4);
    await failureOf(release.promote()).catch(() => undefined);
    await expect(release.post()).resolves.toEqual({ kind: 'incomplete', failed: [serviceRef('web')] });
    expect(unfinished(cluster)).toBe('switch');
    if (cluster.store.get(leaseRef) !== undefined) cluster.store.remove(leaseRef);
    await expect(release.promote()).resolves.toMatchObject({ outcome: 'switched', revision: 1 });
  });
});
