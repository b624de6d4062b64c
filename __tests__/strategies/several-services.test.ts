import { afterEach, describe, expect, it } from '@jest/globals';
import { describeServing } from '../../src/report/serving.js';
import type { SwitchOperation } from '../../src/release/operation.js';
import { FailedStep } from '../../src/strategies/outcome/outcome.js';
import {
  blueGreenStateOf,
  closeReleases,
  denied,
  deploymentRef,
  endOf,
  failureOf,
  killed,
  leaseRef,
  releaseAfter,
  roleManifests,
  serviceRef,
  unfinished,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

/** Two public Services that lead to different Deployments; `web` is the main one. */
function pair(version: string): string {
  const web = roleManifests(version, { autoscaler: false }).replace(
    'spec: {selector',
    'spec: {type: NodePort, selector',
  );
  const [, deployment = '', service = ''] = web.split('---\n');
  const api = [deployment, service].map(text =>
    text
      .replaceAll('web', 'api')
      .replace('type: NodePort, ', '')
      .replace(/name: api\b(?=, image)/, 'name: web'),
  );
  return [web, ...api].join('---\n');
}

const blue = releaseAfter(async release => {
  await release.stage(pair('v1'));
  await release.promote();
});
const staged = releaseAfter(async release => {
  await release.stage(pair('v1'));
  await release.promote();
  await release.stage(pair('v2'));
});
const green = releaseAfter(async release => {
  await release.stage(pair('v1'));
  await release.promote();
  await release.stage(pair('v2'));
  await release.promote();
});

const roleOf = ({ cluster }: WebRelease, name: string): unknown =>
  (cluster.store.get(serviceRef(name))?.['spec'] as { selector: { role: string } } | undefined)?.selector.role;
const rolesOf = (release: WebRelease): readonly unknown[] => ['web', 'api'].map(name => roleOf(release, name));

/** Somebody leads a Service to another role. */
function lead({ cluster: { store } }: WebRelease, name: string, role: string): void {
  const live = store.get(serviceRef(name))!;
  const spec = live['spec'] as { selector: object };
  store.update({ ...live, spec: { ...spec, selector: { ...spec.selector, role } } }, { manager: 'somebody' });
}

/** Fails a call before it is made. */
function failAt({ cluster }: WebRelease, call: string, error: Error): void {
  cluster.before = now => {
    if (now === call) throw error;
  };
}

const journalOf = ({ cluster }: WebRelease): readonly string[] => {
  const { services } = blueGreenStateOf(cluster)?.operation as SwitchOperation;
  return services.map(({ before, sent }) => `${before.ref.name}${sent ? ' sent' : ''}`);
};

describe('two public Services that lead to different Deployments', () => {
  it('are switched together, the main one last, with the second on record before it is written', async () => {
    const release = await staged();
    const outcome = await release.promote();
    expect(rolesOf(release)).toEqual(['green', 'green']);
    const writes = release.cluster.writes();
    const services = ['APPLY Service shop/api', 'APPLY Service shop/web'];
    const [first = 0, last = 0] = services.map(call => writes.indexOf(call));
    expect(writes.slice(first, last + 1)).toEqual([services[0], 'REPLACE Secret shop/cutover-web', services[1]]);
    expect(outcome.serving).toMatchObject({ kind: 'switched', together: { services: 2 } });
    expect(describeServing(outcome.serving)).toMatch(
      /The 2 public Services led to both roles for \d+ ms while they were switched\./,
    );
  });

  it('are created together by the first promotion', async () => {
    const release = await blue();
    expect(rolesOf(release)).toEqual(['blue', 'blue']);
    expect(blueGreenStateOf(release.cluster)?.publicServices.map(({ name }) => name)).toEqual(['web', 'api']);
  });

  it('are both switched back when the second write fails', async () => {
    const release = await staged();
    failAt(release, 'APPLY Service shop/web', denied);
    const failed = await failureOf(release.promote());
    expect(rolesOf(release)).toEqual(['blue', 'blue']);
    expect(failed).toBeInstanceOf(FailedStep);
    expect((failed as FailedStep).outcome.serving).toMatchObject({
      kind: 'switched-back',
      services: [serviceRef('api')],
    });
    expect(unfinished(release.cluster)).toBe('-');
  });

  it('are both switched back when a check fails in public', async () => {
    const release = await staged();
    release.answer = ({ kind }) => (kind === 'Service' && rolesOf(release).includes('green') ? 500 : 200);
    const failed = await failureOf(release.promote());
    expect(rolesOf(release)).toEqual(['blue', 'blue']);
    expect(failed).toBeInstanceOf(FailedStep);
  });

  describe('of which a killed run has switched one', () => {
    const half = async (): Promise<WebRelease> => {
      const release = await staged();
      let isKilled = false;
      release.cluster.before = call => {
        isKilled ||= call === 'APPLY Service shop/web';
        if (isKilled) throw killed;
      };
      await endOf(release.promote());
      release.cluster.before = () => undefined;
      release.cluster.store.remove(leaseRef);
      return release;
    };

    it('are on record as such', async () => {
      const release = await half();
      expect(rolesOf(release)).toEqual(['blue', 'green']);
      expect(journalOf(release)).toEqual(['api sent', 'web sent']);
    });

    it('are switched by the same step', async () => {
      const release = await half();
      expect((await release.promote()).outcome).toBe('switched');
      expect(rolesOf(release)).toEqual(['green', 'green']);
      expect(unfinished(release.cluster)).toBe('-');
    });

    it('are switched back by the post step', async () => {
      const release = await half();
      expect(await release.post()).toMatchObject({ kind: 'restored' });
      expect(rolesOf(release)).toEqual(['blue', 'blue']);
    });

    it('are switched back by a rollback', async () => {
      const release = await half();
      expect((await release.rollback()).outcome).toBe('rolled-back');
      expect(rolesOf(release)).toEqual(['blue', 'blue']);
      expect(unfinished(release.cluster)).toBe('-');
    });

    it('are switched back by the same step when the staged side fails by then', async () => {
      const release = await half();
      release.answer = () => 500;
      await failureOf(release.promote());
      expect(rolesOf(release)).toEqual(['blue', 'blue']);
    });

    it('are not left by a reject, which would take pods from users', async () => {
      const release = await half();
      expect(await failureOf(release.reject())).toMatchObject({ code: 'roles' });
      expect(rolesOf(release)).toEqual(['blue', 'green']);
      expect(release.cluster.store.get(deploymentRef('api-green'))).toBeDefined();
    });
  });

  describe('of which somebody has moved one', () => {
    const message =
      'The public Services do not lead users to the same role: Service shop/web leads to blue, Service shop/api leads to green';

    it.each<[string, (release: WebRelease) => Promise<unknown>]>([
      ['a staging', release => release.stage(pair('v3'))],
      ['a promotion', release => release.promote()],
      ['a rollback', release => release.rollback()],
      ['a reject', release => release.reject()],
    ])('stop %s', async (_what, step) => {
      const release = await staged();
      lead(release, 'api', 'green');
      const before = release.cluster.store.get(deploymentRef('web-green'));
      const failed = await failureOf(step(release));
      expect(failed).toMatchObject({ code: 'roles', message });
      expect(rolesOf(release)).toEqual(['blue', 'green']);
      expect(release.cluster.store.get(deploymentRef('web-green'))).toEqual(before);
    });

    it('keep the pods of both roles after a promotion, too', async () => {
      const release = await staged();
      await release.promote();
      lead(release, 'api', 'blue');
      const failed = await failureOf(release.stage(pair('v3')));
      expect(failed).toMatchObject({ code: 'roles' });
      expect(release.cluster.store.get(deploymentRef('api-blue'))).toBeDefined();
    });
  });

  describe('of a release that leaves its roles', () => {
    const plain = (version: string): string =>
      pair(version).replaceAll('-$<TARGET_ROLE>', '').replaceAll(', role: $<TARGET_ROLE>', '');

    it('all follow to the new pods before the roles are deleted', async () => {
      const release = await green();
      expect((await release.deploy(plain('v3'))).outcome).toBe('deployed');
      expect(rolesOf(release)).toEqual([undefined, undefined]);
      const left = ['web-blue', 'api-blue', 'web-green', 'api-green'].filter(
        name => release.cluster.store.get(deploymentRef(name)) !== undefined,
      );
      expect(left).toEqual([]);
      expect(unfinished(release.cluster)).toBe('-');
    });

    it('are both sent back when the second write fails', async () => {
      const release = await blue();
      failAt(release, 'APPLY Service shop/api', denied);
      await failureOf(release.deploy(plain('v3')));
      release.cluster.before = () => undefined;
      expect(rolesOf(release)).toEqual(['blue', 'blue']);
      expect(release.cluster.store.get(deploymentRef('api-blue'))).toBeDefined();
    });

    it('are all needed among the manifests', async () => {
      const release = await blue();
      const without = plain('v3').split('---\n').slice(0, -1).join('---\n');
      expect(await failureOf(release.deploy(without))).toMatchObject({
        code: 'manifest',
        message: 'The manifests have no Service shop/api, through which users reach release web',
      });
    });
  });

  it('are rolled back together', async () => {
    const release = await green();
    expect((await release.rollback()).outcome).toBe('rolled-back');
    expect(rolesOf(release)).toEqual(['blue', 'blue']);
  });

  it('may not be joined by another one, which would not know its role', async () => {
    const release = await blue();
    const more = pair('v2') + '---\n' + pair('v2').split('---\n').at(-1)!.replace('name: api}', 'name: more}');
    expect(await failureOf(release.stage(more))).toMatchObject({
      code: 'changed',
      message:
        'The public Services of release web are Service shop/web and Service shop/api, and the manifests name Service shop/web, Service shop/api and Service shop/more',
    });
  });
});

it('a public Service of another namespace than the release is refused: it could not be switched back', async () => {
  const release = await blue();
  const elsewhere = pair('v2').replaceAll(/metadata: \{name: (api[^,}]*)/g, 'metadata: {name: $1, namespace: other');
  const failure = await failureOf(release.stage(elsewhere));
  expect(failure).toMatchObject({
    code: 'manifest',
    message: expect.stringMatching(
      /Service other\/api leads users to pods of this release, and is not in its namespace shop: .* Deploy it as a release of its own/,
    ),
  });
  expect(release.cluster.writes()).toEqual([]);
});
