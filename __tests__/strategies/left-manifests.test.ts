import { afterEach, describe, expect, it } from '@jest/globals';
import { worker } from '../support/strategies/role-extras.js';
import {
  closeReleases,
  configRef,
  failureOf,
  plainManifests,
  releaseAfter,
  roleManifests,
  stateOf,
  webRelease,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const more = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n---\n';
const deployed = releaseAfter(release => release.deploy(more + plainManifests('v1')));
const told =
  'No longer among the manifests, but still live: ConfigMap shop/more. If nobody needs them: `kubectl delete -n shop configmap/more`.';
const tells = ({ ctx }: WebRelease): boolean => ctx().log.lines.includes(told);

describe('an object that left the manifests of a rolling release', () => {
  it('is named by every later deploy, also by one that changes nothing, until it is gone', async () => {
    const release = await deployed();
    await expect(release.deploy(plainManifests('v1'))).resolves.toMatchObject({ outcome: 'unchanged' });
    expect(tells(release)).toBe(true);
    await release.deploy(plainManifests('v2'));
    expect(tells(release)).toBe(true);
    await release.deploy(plainManifests('v3'));
    expect([tells(release), stateOf(release.cluster)]).toMatchObject([true, { left: [configRef('more')] }]);
    release.cluster.store.remove(configRef('more'));
    await release.deploy(plainManifests('v4'));
    expect(tells(release)).toBe(false);
    expect(stateOf(release.cluster)).not.toHaveProperty('left');
  });

  it('is not named by a deploy that fails: the version that is restored may need it', async () => {
    const release = await deployed();
    release.answer = () => 500;
    await failureOf(release.deploy(plainManifests('v2')));
    expect(tells(release)).toBe(false);
  });

  it('is named by a rollback to a revision that does not have it', async () => {
    const release = await deployed();
    await release.deploy(plainManifests('v2'));
    await release.deploy(`${more.replaceAll('more', 'newer')}${plainManifests('v3')}`);
    await release.rollback();
    expect(release.ctx().log.lines.join('\n')).toMatch(/still live: ConfigMap shop\/more, ConfigMap shop\/newer\./);
  });

  it('is not named where somebody else owns it by now, or where the manifests have it again', async () => {
    const release = await deployed();
    const { store } = release.cluster;
    await release.deploy(plainManifests('v2'));
    await release.deploy(more + plainManifests('v3'));
    expect(tells(release)).toBe(false);
    const live = store.get(configRef('more'))!;
    store.update({ ...live, metadata: { ...live.metadata, annotations: { 'cutover/release': 'other' } } });
    await release.deploy(plainManifests('v4'));
    expect(tells(release)).toBe(false);
  });

  it('has no command to delete it where it gives rights, which no rollback gives again', async () => {
    const release = webRelease();
    const role = 'apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: reader}\nrules: []\n---\n';
    await release.deploy(role + more + plainManifests('v1'));
    await release.deploy(plainManifests('v2'));
    const lines = release.ctx().log.lines.join('\n');
    expect(lines).toContain('still live: Role shop/reader, ConfigMap shop/more. ');
    expect(lines).toContain('`kubectl delete -n shop configmap/more`. Keep Role shop/reader: a revision');
  });

  it('is told completely when it leaves, and only the last 100 of them later', async () => {
    const release = webRelease();
    const many = Array.from({ length: 101 }, (_none, n) => more.replaceAll('more', `more-${n}`));
    await release.deploy(many.join('') + plainManifests('v1'));
    await release.deploy(plainManifests('v2'));
    expect(release.ctx().log.lines.join('\n')).toMatch(/still live: ConfigMap shop\/more-0, /);
    await release.deploy(plainManifests('v3'));
    expect(release.ctx().log.lines.join('\n')).toMatch(/still live: ConfigMap shop\/more-1, /);
    expect(stateOf(release.cluster)).toMatchObject({ left: { length: 100 } });
  });

  it('costs no request where nothing left', async () => {
    const release = await deployed();
    await release.deploy(more + plainManifests('v2'));
    expect(release.cluster.calls.filter(call => call.startsWith('GET Secret'))).toEqual([
      'GET Secret shop/cutover-web',
    ]);
  });
});

describe('configuration whose name changes with its content', () => {
  /** As of a kustomization with a secretGenerator. */
  const generated = (version: string): string =>
    `apiVersion: v1\nkind: Secret\nmetadata: {name: creds-${version}}\nstringData: {key: "secret-of-${version}"}\n---\n` +
    plainManifests(version).replace(
      'ports: [{containerPort: 8080}]}]',
      `ports: [{containerPort: 8080}], envFrom: [{secretRef: {name: creds-${version}}}]}]`,
    );
  const withoutChecks = { verify: [] };
  const named = ({ ctx }: WebRelease): readonly string[] => [
    ...new Set(
      ctx()
        .log.lines.join('\n')
        .match(/secret\/creds-v\d+/g),
    ),
  ];

  it('is named once no revision on record needs it: its data is on no record', async () => {
    const release = webRelease();
    const inputs = { ...withoutChecks, historyLimit: 2 };
    await release.deploy(generated('v1'), inputs);
    await release.deploy(generated('v2'), inputs);
    expect(named(release)).toEqual([]);
    await release.deploy(generated('v3'), inputs);
    expect(named(release)).toEqual([]);
    await release.deploy(generated('v4'), inputs);
    expect(named(release)).toEqual(['secret/creds-v1']);
    await release.rollback();
    expect(named(release)).toEqual(['secret/creds-v1', 'secret/creds-v2']);
  });

  it('is not asked for as long as a revision on record needs it', async () => {
    const release = webRelease();
    for (const version of ['v1', 'v2', 'v3', 'v4', 'v5']) await release.deploy(generated(version), withoutChecks);
    const asked = release.cluster.calls.filter(call => call.startsWith('GET Secret shop/creds-'));
    expect(asked).toEqual(asked.filter(call => call.endsWith('creds-v5')));
  });
});

describe('an object that left the manifests of a blue/green release', () => {
  const name = 'No longer among the manifests, but still live';
  const lines = ({ ctx }: WebRelease): readonly string[] => ctx().log.lines.filter(line => line.startsWith(name));
  const switched = releaseAfter(async release => {
    await release.stage(more + roleManifests('v1') + worker);
    await release.promote();
  });

  it('is named from then on: a shared one at once, one of a role when that role is staged again', async () => {
    const release = await switched();
    await release.stage(roleManifests('v2'));
    // Users are on blue, and its worker runs.
    expect(lines(release)).toEqual([
      `${name}: ConfigMap shop/more. If nobody needs them: \`kubectl delete -n shop configmap/more\`.`,
    ]);
    await release.promote();
    await expect(release.stage(roleManifests('v2'))).resolves.toMatchObject({ outcome: 'unchanged' });
    expect(lines(release)).toHaveLength(1);
    await release.stage(roleManifests('v3'));
    expect(lines(release)).toEqual([
      `${name}: ConfigMap shop/more, Deployment shop/worker-blue. If nobody needs them: \`kubectl delete -n shop configmap/more deployment.apps/worker-blue\`.`,
    ]);
    await release.promote();
    await release.stage(roleManifests('v4'));
    expect(stateOf(release.cluster)?.left?.map(ref => ref.name)).toEqual(['more', 'worker-blue']);
    release.cluster.store.remove(configRef('more'));
    await release.promote();
    await release.stage(roleManifests('v5'));
    expect(lines(release).join()).not.toContain('shop/more');
    expect(stateOf(release.cluster)?.left?.map(ref => ref.name)).toEqual(['worker-blue']);
  });

  it('is not named where the switch deletes it', async () => {
    const release = await switched();
    const versioned = (version: string): string =>
      roleManifests(version).replace('{name: web-$<TARGET_ROLE>}', `{name: web-$<TARGET_ROLE>-${version}}`);
    await release.stage(more + versioned('v2') + worker);
    await release.promote();
    await release.stage(more + versioned('v3') + worker);
    expect(lines(release)).toEqual([]);
  });

  it('is not named where users are on it again', async () => {
    const release = await switched();
    await release.stage(more + roleManifests('v2'));
    await release.promote();
    await release.stage(more + roleManifests('v3'));
    expect(lines(release).join()).toContain('worker-blue');
    await release.reject();
    await release.rollback();
    expect(stateOf(release.cluster)).toMatchObject({ current: 1 });
    await release.stage(more + roleManifests('v4'));
    expect(lines(release)).toEqual([]);
  });

  it('is told by a plan', async () => {
    const release = await switched();
    const { preview } = await release.plan(roleManifests('v2'));
    expect(preview?.notes).toContainEqual({ kind: 'left', objects: [configRef('more')] });
  });

  it('costs no request where nothing left', async () => {
    const release = await switched();
    await release.stage(more + roleManifests('v2') + worker);
    const read = release.cluster.calls.filter(call => call === 'GET Secret shop/cutover-web.1');
    expect(read).toEqual([]);
  });

  it('is not named while users are on a role that has it', async () => {
    const release = await switched();
    await release.stage(more + roleManifests('v2') + worker);
    await release.promote();
    await release.stage(more + roleManifests('v3'));
    expect(lines(release).join()).toContain('worker-blue');
    await release.rollback();
    await release.stage(more + roleManifests('v4'));
    // Users are back on blue, and its worker runs.
    expect(lines(release).join()).not.toContain('worker-blue');
    expect(lines(release).join()).toContain('worker-green');
  });

  it('is not named as long as a revision on record reads it', async () => {
    const release = webRelease();
    const shared = more.replaceAll('more', 'read');
    const reading = roleManifests('v1').replace(
      /containers: \[\{/,
      'containers: [{envFrom: [{configMapRef: {name: read}}], ',
    );
    await release.stage(shared + reading);
    await release.promote();
    for (const version of ['v2', 'v3', 'v4']) {
      await release.stage(roleManifests(version));
      expect(lines(release)).toEqual([]);
      await release.promote();
    }
  });

  it('has no command to delete it as long as a rollback needs it, and would not create it again', async () => {
    const release = webRelease();
    const account = 'apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: runner}\n---\n';
    const running = roleManifests('v1').replace('containers: [{', 'serviceAccountName: runner, containers: [{');
    await release.stage(account + running);
    await release.promote();
    for (const version of ['v2', 'v3']) {
      await release.stage(roleManifests(version));
      expect(lines(release)).toEqual([
        `${name}: ServiceAccount shop/runner. Keep ServiceAccount shop/runner: a revision on record needs it, and Cutover might not create it again.`,
      ]);
      await release.promote({ historyLimit: 1 });
    }
    await release.stage(roleManifests('v4'), { historyLimit: 1 });
    await release.promote({ historyLimit: 1 });
    await release.stage(roleManifests('v5'), { historyLimit: 1 });
    expect(lines(release).join()).toContain('`kubectl delete -n shop serviceaccount/runner`');
  });
});
