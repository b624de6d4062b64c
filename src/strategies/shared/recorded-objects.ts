import { describeRef, type KubeObject } from '../../kubernetes/object.js';
import type { Resource } from '../../manifests/resource.js';
import { secretHash, type Revision } from '../../release/revision.js';
import type { ReleaseState } from '../../release/state.js';
import type { Outcome } from './outcome.js';
import type { RunContext } from '../../run/context.js';

/** An object out of the record, which has no place in any file: messages name the revision instead. */
export function recordedResource(object: KubeObject, revision: number): Resource {
  const at = { file: `revision ${revision}`, line: 1, column: 1 };
  return { object, at, positionOf: () => at };
}

/** Secrets are recorded by fingerprint only, so going back cannot bring their old data; says where they differ now. */
export async function warnOfSecrets(ctx: RunContext, revision: Revision): Promise<void> {
  for (const { ref, hash } of revision.secrets) {
    const live = await ctx.cluster.get(ref);
    if (live === undefined) {
      ctx.log.warning(
        `${describeRef(ref)}, which revision ${revision.number} came with, is gone; its data is not on record`,
      );
    } else if (secretHash(live) !== hash) {
      ctx.log.warning(
        `${describeRef(ref)} is not what it was in revision ${revision.number}; its data is not on record, so it stays as it is`,
      );
    }
  }
}

/** Whether the last thing that happened was a rollback. Going back once more would send users on to something else. */
export function isRolledBack({ history, current, operation }: ReleaseState): boolean {
  const [last] = history;
  return operation === undefined && last?.outcome === 'rolled-back' && last.revision === current;
}

/** A rollback that is run again changes nothing: a job that is repeated must not send users forward to the bad version. */
export function rolledBackAlready(ctx: RunContext, state: ReleaseState): Outcome {
  const { current = 0, strategy } = state;
  const further =
    strategy === 'rolling' ? 'Name a revision in `to` to go further back.' : 'Deploy the version that you want.';
  return {
    outcome: 'unchanged',
    release: ctx.records.release,
    namespace: ctx.records.namespace,
    strategy,
    revision: current,
    changes: [],
    checks: [],
    serving: `Revision ${current} serves users since an earlier rollback; nothing was written. ${further}`,
  };
}
