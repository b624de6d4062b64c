import type { PlannedChange } from '../../../plan/change.js';
import { bringUp } from '../../shared/bring-up.js';
import { assertPassed, checksOf, runChecks } from '../../shared/checks.js';
import { changesOf, FailedStep, type Outcome } from '../../shared/outcome.js';
import type { BlueGreenDeploy } from './staging.js';
import type { RunContext } from '../../../run/context.js';

/** The same manifests again: nothing is written, but `unchanged` is only said of a side that is ready and passes its checks. */
export async function confirmActive(
  ctx: RunContext,
  deploy: BlueGreenDeploy,
  side: { readonly role: string; readonly planned: readonly PlannedChange[] },
): Promise<Outcome> {
  const { inputs, state } = deploy;
  const { role, planned } = side;
  const revision = state.roles?.[role]?.revision;
  const { release, namespace } = ctx.records;
  const known = {
    release,
    namespace,
    strategy: 'blue-green',
    activeRole: role,
    ...(revision !== undefined && { revision }),
    changes: changesOf(planned),
  } as const;
  const serving = `Users are on ${role}${revision === undefined ? '' : `, revision ${revision}`}: exactly these manifests. Nothing was written.`;
  try {
    const ready = await ctx.phase('Deploy', () => bringUp({ ctx, planned, waitOptions: inputs, force: false }));
    const service = deploy.resources.publicService[role]?.object;
    const workloads = planned.map(({ resource }) => resource.object);
    const checks = await ctx.phase('Verify prod', async () => {
      const subject = {
        namespace: service?.metadata.namespace ?? namespace,
        workloads,
        ready,
        ...(service && { service }),
      };
      const results = await runChecks({ ctx, checks: inputs.verify, side: 'public', subject });
      assertPassed(results);
      return results;
    });
    return { ...known, outcome: 'unchanged', checks, serving };
  } catch (error) {
    const well = 'But it is not well, as described here.';
    throw new FailedStep(error, { ...known, checks: checksOf(error), serving: `${serving} ${well}` });
  }
}
