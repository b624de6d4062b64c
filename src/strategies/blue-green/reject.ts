import { CutoverError } from '../../errors.js';
import type { Reject } from '../../inputs/inputs.js';
import { withHistory } from '../../release/records.js';
import { historyEntry } from '../../release/revision.js';
import { adoptedRevision, type ReleaseState, type StagedRecord } from '../../release/state.js';
import { withoutAdopted } from './adoption/adoption.js';
import { FailedStep, type Outcome } from '../shared/outcome.js';
import { restoreSelector } from './adoption/pin.js';
import { readActive, readBlueGreen } from './recheck.js';
import { otherRole, type Active } from '../../traffic/active-role.js';
import { rolesOf } from './recheck.js';
import { underLock, type RunContext } from '../../run/context.js';
import { restore } from '../shared/restore.js';
import { withoutStagedRecord } from './staging/unstaged.js';

/** Discards what is staged: the idle role goes back to what it was. The public Service is only read. */
export async function reject(ctx: RunContext, inputs: Reject): Promise<Outcome> {
  const state = await ctx.phase('Check', () => readBlueGreen(ctx, 'reject'));
  const { staged } = state;
  if (staged === undefined) {
    throw new CutoverError(`Nothing is staged for release ${state.release}`, {
      code: 'nothing-staged',
      hint: 'There is nothing to discard. `action: status` shows what runs where.',
    });
  }
  return underLock(ctx, state, async locked => {
    const { active } = await readActive(locked, state);
    if (active.kind === 'role' && active.role === staged.role) {
      throw new CutoverError(
        `Users are on ${staged.role}, which holds the staged revision ${staged.revision}: it was not touched`,
        {
          code: 'changed',
          hint: 'The public Service was switched already. Use `action: rollback` to send users back to the other role.',
        },
      );
    }
    const { state: after, sentence } = await unstage(locked, { state, staged, timeoutMs: inputs.timeoutMs });
    const revision = await locked.records.readRevision(staged.revision);
    const done = withHistory(after, historyEntry(ctx.run, revision, 'rejected'));
    await locked.records.finish(done, inputs.historyLimit, locked.log);
    return {
      ...about(locked),
      outcome: 'rejected',
      revision: staged.revision,
      ...sides(state, active),
      changes: revision.before.map(({ ref, object }) => ({
        ref,
        change: object === undefined ? 'deleted' : 'changed',
      })),
      checks: [],
      serving: `${usersAre(state, active)} Revision ${staged.revision} is discarded. On ${staged.role}: ${sentence}`,
    };
  });
}

/** Puts the idle role back to what it was before staging; gives the state without the staged revision, not yet written. */
export async function unstage(
  ctx: RunContext,
  wanted: { readonly state: ReleaseState; readonly staged: StagedRecord; readonly timeoutMs: number },
): Promise<{ readonly state: ReleaseState; readonly sentence: string }> {
  const { state, staged, timeoutMs } = wanted;
  const { before } = await ctx.records.readRevision(staged.revision);
  const { complete, sentence } = await restore({ ctx, snapshots: before, timeoutMs });
  if (!complete) {
    throw new FailedStep(
      new CutoverError(`${staged.role} could not be put back to what it was before staging: ${sentence}`, {
        code: 'rollout',
        hint: 'Run the same step again once the cause is gone.',
      }),
      {
        ...about(ctx),
        changes: [],
        checks: [],
        serving: 'The public Service was not touched: users are where they were.',
      },
    );
  }
  // Whatever was begun with the staged revision is over with it.
  const { operation: _over, ...rest } = state;
  const unstaged = withoutStagedRecord(rest, staged.role);
  if (state.current !== adoptedRevision || staged.previous?.revision !== undefined)
    return { state: unstaged, sentence };
  return unadopted(ctx, { state: unstaged, sentence, timeoutMs });
}

/** Nothing of this release is left but the pin: without it the application is what it was before it was adopted. */
async function unadopted(
  ctx: RunContext,
  left: { readonly state: ReleaseState; readonly sentence: string; readonly timeoutMs: number },
): Promise<{ readonly state: ReleaseState; readonly sentence: string }> {
  const { before } = await ctx.records.readRevision(adoptedRevision);
  const [service] = before;
  if (service === undefined) return left;
  const { cluster, log, records } = ctx;
  const why = await restoreSelector(service, { cluster, log, release: records.release, timeoutMs: left.timeoutMs });
  if (why === undefined) return { state: withoutAdopted(left.state), sentence: left.sentence };
  return { state: left.state, sentence: `${left.sentence} The selector of the public Service stays narrowed: ${why}.` };
}

function sides(state: ReleaseState, active: Active): { readonly activeRole?: string; readonly idleRole?: string } {
  return active.kind === 'role' ? { activeRole: active.role, idleRole: otherRole(rolesOf(state), active.role) } : {};
}

function usersAre(state: ReleaseState, active: Active): string {
  if (active.kind === 'none') return 'Nobody is served yet.';
  return `Users are on ${active.role}${state.current === undefined ? '' : `, revision ${state.current}`}, as before.`;
}

function about(ctx: RunContext) {
  return { release: ctx.records.release, namespace: ctx.records.namespace, strategy: 'blue-green' } as const;
}
