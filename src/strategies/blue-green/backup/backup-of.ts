import { CutoverError } from '../../../errors.js';
import { isAutoscaler } from '../../../kubernetes/autoscaler.js';
import { isSecret } from '../../../kubernetes/kinds.js';
import { describeRefs, refOf, type KubeObject } from '../../../kubernetes/object.js';
import { own } from '../../../own.js';
import { secretHash, type BackupSecret, type RevisionBackup } from '../../../release/revision.js';
import { otherRole } from '../../../traffic/active-role.js';
import type { StagingTarget } from '../staging/staging.js';

/** What a hot backup of the staged revision would run on the other role. `undefined`: the step does not ask for one. */
export function backupOf({ deploy, role, records }: StagingTarget): RevisionBackup | undefined {
  const { inputs, resources } = deploy;
  if (inputs.idlePolicy.policy !== 'hot-backup') return undefined;
  const other = otherRole(inputs.roles, role);
  const objects = (own(resources.of, other) ?? []).map(({ object }) => object);
  const record = own(records, other);
  return {
    role: other,
    objects: objects.filter(object => !isAutoscaler(object) && !isSecret(object)),
    secrets: objects.filter(isSecret).map(withoutData),
    publicServices: (own(resources.publicServices, other) ?? []).map(({ object }) => object),
    applyAfterSwitch: objects.filter(isAutoscaler),
    record: record ?? { podLabels: [], deployments: [] },
  };
}

/**
 * Why the revision could not become a hot backup: the data of Secrets is not on record, so each Secret of the other role must have the
 * data of one that the staged role has. `undefined`: it could, or the step does not ask for it.
 */
export function backupRefusal(target: StagingTarget): CutoverError | undefined {
  const { deploy, role } = target;
  const hashes = new Set(
    (own(deploy.resources.of, role) ?? []).flatMap(({ object }) => (isSecret(object) ? [secretHash(object)] : [])),
  );
  const lone = (backupOf(target)?.secrets ?? []).filter(({ hash }) => !hashes.has(hash)).map(({ ref }) => ref);
  if (lone.length === 0) return undefined;
  return new CutoverError(
    `The data of ${describeRefs(lone)} depends on the role, so no hot backup can be made: it is copied from the Secret of the other role, since data of Secrets is not on record`,
    {
      code: 'manifest',
      hint: 'Give the Secrets of both roles the same data, share one Secret, or set `idle-policy: keep`.',
    },
  );
}

function withoutData(secret: KubeObject): BackupSecret {
  const { labels = {}, annotations = {}, namespace = '' } = secret.metadata;
  return {
    ref: { ...refOf(secret), namespace },
    hash: secretHash(secret),
    labels,
    annotations,
    immutable: secret['immutable'] === true,
    hasType: secret['type'] !== undefined,
  };
}
