import { afterEach, describe, expect, it } from '@jest/globals';
import type { FormerObject } from '../../src/release/state.js';
import type { Outcome } from '../../src/strategies/outcome/outcome.js';
import { leftLine, leftLines } from '../support/strategies/left-lines.js';
import { worker } from '../support/strategies/role-extras.js';
import {
  closeReleases,
  plainManifests,
  releaseAfter,
  roleManifests,
  serviceRef,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const config = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cfg}\n---\n';
const policy =
  'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: inner}\nspec: {podSelector: {}}\n---\n';
const reading = (version: string): string =>
  roleManifests(version).replaceAll('containers: [{', 'containers: [{envFrom: [{configMapRef: {name: cfg}}], ');

/** By each object that a plan names as left: the last revision that needs it; `command`: the plan has a command that deletes it. */
function leftInPlan({ preview }: Outcome): Readonly<Record<string, number | 'command'>> {
  const left = (preview?.notes ?? []).flatMap((note): readonly FormerObject[] =>
    note.kind === 'left' ? note.objects : [],
  );
  return Object.fromEntries(left.map(({ kind, name, neededBy }) => [`${kind} ${name}`, neededBy ?? 'command']));
}

describe('a plan of another revision while one is staged', () => {
  const given = releaseAfter(async release => {
    await release.stage(roleManifests('v1'));
    await release.promote();
    await release.stage(config + policy + reading('v2') + worker);
  });

  it('has no command for what the staged revision needs until it is replaced', async () => {
    const release = await given();
    expect(leftInPlan(await release.plan(roleManifests('v3')))).toEqual({
      'NetworkPolicy inner': 2,
      'Deployment worker-green': 2,
    });
  });

  it('is followed by a staging that names all of it, with a command', async () => {
    const release = await given();
    await release.stage(roleManifests('v3'));
    expect(leftLines(release)).toEqual([
      `${leftLine}: Deployment shop/worker-green, ConfigMap shop/cfg, NetworkPolicy shop/inner. If nobody needs them: \`kubectl delete -n shop deployment.apps/worker-green configmap/cfg networkpolicy.networking.k8s.io/inner\`.`,
    ]);
  });
});

describe('a plan of a deploy that leaves the roles', () => {
  it('has no command for what the pods of the roles need until they are deleted', async () => {
    const release = await releaseAfter(async web => {
      await web.stage(config + policy + reading('v1'));
      await web.promote();
    })();
    expect(leftInPlan(await release.planRolling(plainManifests('v2')))).toEqual({ 'NetworkPolicy inner': 1 });
    await release.deploy(plainManifests('v2'));
    expect(leftLines(release)).toEqual([
      `${leftLine}: ConfigMap shop/cfg, NetworkPolicy shop/inner. If nobody needs them: \`kubectl delete -n shop configmap/cfg networkpolicy.networking.k8s.io/inner\`.`,
    ]);
  });
});

describe('a staging while users are on another role than the record says', () => {
  it('names the objects of the role on record, and not those of the role that users are on', async () => {
    const renamed = (version: string): string =>
      roleManifests(version).replaceAll('web-$<TARGET_ROLE>', 'site-$<TARGET_ROLE>');
    const release = await releaseAfter(async web => {
      for (const version of ['v1', 'v2', 'v3']) {
        await web.stage(roleManifests(version));
        await web.promote();
      }
    })();
    const { store } = release.cluster;
    const live = store.get(serviceRef('web'))!;
    const spec = { ...(live['spec'] as object), selector: { app: 'web', role: 'green' } };
    store.update({ ...live, spec }, { manager: 'kubectl-patch' });
    await release.stage(renamed('v4'), { forceConflicts: true });
    expect(leftLines(release).join()).toContain('Deployment shop/web-blue');
    expect(leftLines(release).join()).not.toContain('web-green');
  });
});
