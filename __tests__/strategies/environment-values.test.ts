// A value of the environment is on record and in live objects, marked by the annotation `cutover/from-environment`.
import { afterEach, describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import { restoreInterrupted } from '../../src/strategies/restore-interrupted.js';
import { idle, idleClock } from '../support/cluster/run-controllers.js';
import type { ListLog } from '../support/log.js';
import { stepOn } from '../support/strategies/context.js';
import {
  closeReleases,
  endOf,
  killAtWrite,
  plainManifests,
  roleManifests,
  webRelease,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const value = 'S3cret-of-the-environment';
const field = JSON.stringify([['spec', 'template', 'spec', 'containers', 'name=web', 'env', 'name=DB', 'value']]);

/** The manifests as rendered from `value: $<DB_PASSWORD>`. */
function marked(manifests: string, db = value): string {
  const annotations = `annotations: { cutover/from-environment: '${field}' }`;
  return manifests
    .replace(
      /metadata: \{name: (web-\$<TARGET_ROLE>|web)\}\nspec:\n {2}replicas/,
      `metadata: {name: $1, ${annotations}}\nspec:\n  replicas`,
    )
    .replace('ports: [{containerPort: 8080}]', `ports: [{containerPort: 8080}], env: [{name: DB, value: ${db}}]`);
}

/** What the log of the last step prints of these lines. */
const printed = (log: ListLog, lines: readonly string[] = log.lines): string =>
  lines.map(line => log.text.safe(line)).join('\n');

async function twoStaged(web: WebRelease): Promise<void> {
  await web.stage(marked(roleManifests('v1')));
  await web.promote();
  await web.stage(marked(roleManifests('v2')));
}

const actions: Readonly<Record<string, (web: WebRelease) => Promise<unknown>>> = {
  async 'a promotion'(web) {
    await twoStaged(web);
    await endOf(web.promote());
  },
  async 'a promotion that fails'(web) {
    await twoStaged(web);
    web.answer = () => 500;
    await endOf(web.promote());
  },
  async 'a rejection'(web) {
    await twoStaged(web);
    await endOf(web.reject());
  },
  async 'a blue/green rollback'(web) {
    await twoStaged(web);
    await web.promote();
    await endOf(web.rollback());
  },
  async 'a rolling rollback'(web) {
    await web.deploy(marked(plainManifests('v1')));
    await web.deploy(marked(plainManifests('v2')));
    await endOf(web.rollback());
  },
  async 'a deploy of manifests that have it no more'(web) {
    await web.deploy(marked(plainManifests('v1')));
    await endOf(web.deploy(plainManifests('v2')));
  },
  async 'a post step'(web) {
    await web.deploy(marked(plainManifests('v1')));
    killAtWrite(web.cluster, 6);
    await web.deploy(marked(plainManifests('v2'))).catch(() => undefined);
    await web.post();
  },
};

describe('a value of the environment that is on record', () => {
  it.each(Object.entries(actions))('is hidden by %s', async (_what, act) => {
    const web = webRelease();
    await act(web);
    expect(printed(web.ctx().log, [`the value is ${value}`])).toBe('the value is ***');
  });
});

describe('the previous value, which the API server quotes when it refuses a restore,', () => {
  const next = 'new-S3cret-value';

  /** A policy of the cluster that is newer than the previous version. */
  function refuseOld({ cluster }: WebRelease, isRefused: () => boolean): void {
    cluster.before = call => {
      if (/^(APPLY|REPLACE) Deployment shop\/web$/.test(call) && isRefused())
        throw new CutoverError(`env[0].value: Invalid value: "${value}": too weak`, { code: 'invalid', status: 422 });
    };
  }

  it('is hidden by the post step', async () => {
    const web = webRelease();
    await web.deploy(marked(plainManifests('v1')));
    killAtWrite(web.cluster, 6);
    await web.deploy(marked(plainManifests('v2'), next)).catch(() => undefined);
    const postState = web.ctx().savedPostStates[0]!;
    refuseOld(web, () => true);
    const { run } = web.ctx();
    const after = stepOn(web.cluster, { run, clock: idleClock(), holder: 'post', after: postState.lockHolder });
    const restoring = restoreInterrupted(after, { postState, rollbackOnFailure: true });
    await restoring.catch((error: unknown) => after.log.error(String(error)));
    await idle();
    expect(printed(after.log)).toContain('could not be restored');
    expect(printed(after.log)).not.toContain(value);
  });

  it('is hidden by the deploy that fails', async () => {
    const web = webRelease();
    await web.deploy(marked(plainManifests('v1')));
    let writes = 0;
    refuseOld(web, () => (writes += 1) > 1);
    web.answer = () => 500;
    await endOf(web.deploy(marked(plainManifests('v2'), next)));
    const { log } = web.ctx();
    expect(printed(log)).toContain('could not be restored');
    expect(printed(log)).not.toContain(value);
  });
});
