import { afterEach, describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import { refOf, type KubeObject } from '../../src/kubernetes/object.js';
import { idle } from '../support/cluster/run-controllers.js';
import { liveWeb } from '../support/strategies/live-web.js';
import {
  closeReleases,
  endOf,
  plainManifests,
  releaseAfter,
  webRelease,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

/** Users are on blue, revision 1. */
const live = releaseAfter(async release => {
  await release.stage(plainManifests('v1'));
  await release.promote();
});

const ports = [{ port: 80, targetPort: 8080 }];
const internal = (spec: object = {}, annotations: Readonly<Record<string, string>> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web-internal', namespace: 'shop', annotations },
  spec: { selector: { app: 'web' }, ports, ...spec },
});
const given = ({ cluster }: WebRelease, service: KubeObject): void =>
  cluster.givenBy('kubectl-client-side-apply', service);
const refusal = {
  code: 'rejected-plan',
  message: 'The users of another Service would reach the staged revision; nothing was changed',
  problems: [
    {
      message:
        'Service shop/web-internal, which is not in the manifests, routes to the same port of the same pods as Service shop/web',
      at: expect.objectContaining({ file: 'app.yml' }) as unknown,
    },
  ],
};

describe('a live Service that the manifests do not have', () => {
  it('must not lead its users to a staged revision', async () => {
    const release = await live();
    given(release, internal());
    await expect(endOf(release.stage(plainManifests('v2')))).resolves.toMatchObject(refusal);
    expect(release.cluster.writes()).toEqual([]);
  });

  it('must not lead them there after an adoption either', async () => {
    const release = webRelease();
    release.cluster.givenBy('kubectl-client-side-apply', ...liveWeb);
    given(release, internal());
    await idle();
    await expect(endOf(release.stage(plainManifests('v2')))).resolves.toMatchObject(refusal);
    expect(release.cluster.writes()).toEqual([]);
  });

  it.each([
    ['its users may', internal({}, { 'cutover/shared': 'true' })],
    ['its clients connect to the pods', internal({ clusterIP: 'None' })],
    ['it has another port', internal({ ports: [{ port: 9090, targetPort: 9090 }] })],
    ['it is an ExternalName', internal({ type: 'ExternalName', externalName: 'web.shop.svc.cluster.local' })],
    ['it selects other pods', internal({ selector: { app: 'other' } })],
    ['it selects what is staged alone', internal({ selector: { app: 'web', 'cutover/role': 'green' } })],
    ['it selects what serves alone', internal({ selector: { app: 'web', 'cutover/role': 'blue' } })],
  ])('is no obstacle if %s', async (_why, service) => {
    const release = await live();
    given(release, service);
    await expect(release.stage(plainManifests('v2'))).resolves.toMatchObject({ outcome: 'staged' });
  });

  it('is no obstacle while it is being deleted', async () => {
    const release = await live();
    const service = internal();
    given(release, { ...service, metadata: { ...service.metadata, finalizers: ['example.com/hold'] } });
    release.cluster.store.remove(refOf(service));
    expect(release.cluster.store.get(refOf(service))?.metadata.deletionTimestamp).toBeDefined();
    await expect(release.stage(plainManifests('v2'))).resolves.toMatchObject({ outcome: 'staged' });
  });

  it('is no obstacle for the first revision: nobody is served yet', async () => {
    const release = webRelease();
    given(release, internal());
    await expect(release.stage(plainManifests('v1'))).resolves.toMatchObject({ outcome: 'staged' });
  });

  it('is not looked for without the right to list Services, which is told', async () => {
    const release = await live();
    const forbidden = new CutoverError('no right to list services', { code: 'forbidden' });
    release.cluster.before = call => {
      if (call.startsWith('LIST Service')) throw forbidden;
    };
    await expect(release.stage(plainManifests('v2'))).resolves.toMatchObject({ outcome: 'staged' });
    expect(release.ctx().log.lines).toContain(
      'It is not known whether another Service leads its users to what is staged: no right to list services',
    );
  });
});
