import { imageChanges, previewed, replacedWorkloads } from '../../plan/preview.js';
import type { RunContext } from '../../run/context.js';
import { outcomeBase, type Outcome } from '../outcome/outcome.js';
import type { PlannedDeploy, PlanNote } from '../outcome/plan-note.js';
import { namespaceToCreate, planOutcome, unfinishedNote } from '../shared/plan-outcome.js';
import { dryRunRolling, isUnchanged, type RollingDeploy } from './deploy.js';

/** What a rolling deploy of these manifests would do now. Writes nothing, and takes no lock. */
export async function planRolling(ctx: RunContext, deploy: RollingDeploy): Promise<Outcome> {
  const { inputs, state } = deploy;
  const { planned, refusals } = await dryRunRolling(ctx, deploy);
  const unchanged = isUnchanged(planned, state);
  const revision = state.latest + 1;
  const { current } = state;
  const notes: readonly PlanNote[] = unchanged
    ? [{ kind: 'unchanged', revision: current ?? 0 }]
    : [
        { kind: 'to-deploy', revision },
        { kind: 'pods-to-replace', workloads: replacedWorkloads(planned) },
      ];
  const preview: PlannedDeploy = {
    revision,
    notes: [...notes, ...unfinishedNote(state)],
    objects: [
      ...(await namespaceToCreate(ctx, { planned, createNamespace: inputs.createNamespace })),
      ...previewed(planned, 'deploy'),
    ],
    images: imageChanges(planned, new Map()),
    users: [],
  };
  const serving = { kind: 'planned', ...(current !== undefined && { current }) } as const;
  return planOutcome({ base: { ...outcomeBase(ctx, 'rolling'), serving }, preview, unchanged, refusals });
}
