import { CutoverError } from '../../errors.js';
import { describeRef, type KubeObject } from '../../kubernetes/object.js';
import type { Resource } from '../../manifests/resource.js';
import { secretHash, type Revision } from '../../release/revision.js';
import type { ReleaseState } from '../../release/state.js';
import type { RunContext } from '../../run/context.js';
import { outcomeBase, type Outcome } from '../outcome/outcome.js';

/** An object from the record, which has no position in any file: messages name the revision instead. */
export function recordedResource(object: KubeObject, revision: number): Resource {
  const at = { file: `revision ${revision}`, line: 1, column: 1 };
  return { object, at, positionOf: () => at };
}

/** Secrets are recorded by fingerprint only, so a rollback cannot restore their data; warns of each that differs now. */
export async function warnOfSecrets(ctx: RunContext, revision: Revision): Promise<void> {
  for (const { ref, hash } of revision.secrets) {
    const live = await ctx.cluster.get(ref);
    if (live === undefined) {
      ctx.log.warning(
        `${describeRef(ref)}, which belongs to revision ${revision.number}, is gone; its data is not on record`,
      );
    } else if (secretHash(live) !== hash) {
      ctx.log.warning(
        `${describeRef(ref)} differs from revision ${revision.number}; its data is not recorded, so it is not changed`,
      );
    }
  }
}

/** A repeated rollback changes nothing: a job that runs again must not send users forward to the bad version. */
export function rolledBackBefore(ctx: RunContext, { current: revision = 0, strategy }: ReleaseState): Outcome {
  return {
    ...outcomeBase(ctx, strategy),
    outcome: 'unchanged',
    revision,
    changes: [],
    checks: [],
    serving: { kind: 'rolled-back-before', strategy, revision },
  };
}

/** `reason` absent: there is no earlier revision. */
export function noRevisionToRollBackTo(release: string, reason = 'no earlier revision is on record'): CutoverError {
  return new CutoverError(`Release ${release} cannot be rolled back: ${reason}`, {
    code: 'no-revision',
    hint: 'Run `action: status` to see its history, or deploy the version that you want.',
  });
}
