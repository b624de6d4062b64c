import { CutoverError } from '../../../errors.js';
import { fieldsAt } from '../../../kubernetes/fields.js';
import { describeRef, type KubeObject } from '../../../kubernetes/object.js';
import { withOwner } from '../../../manifests/owner.js';
import { hideSecret } from '../../../manifests/secret-values.js';
import { secretHash, type BackupSecret, type Revision } from '../../../release/revision.js';
import type { RunContext } from '../../../run/context.js';
import { ownedLive } from '../../recorded/owned-objects.js';

/**
 * The Secrets of a backup, with the data of those that the role of the users has: only of such that belong to the release and are as
 * they were recorded. Throws `changed` where none is.
 */
export function backupSecrets(ctx: RunContext, { secrets, backup }: Revision): Promise<readonly KubeObject[]> {
  return Promise.all(
    (backup?.secrets ?? []).map(async secret => {
      for (const { ref } of secrets.filter(({ hash }) => hash === secret.hash)) {
        const live = await ownedLive(ctx, ref);
        if (live === undefined || secretHash(live) !== secret.hash) continue;
        hideSecret(ctx.log, live);
        return filled(ctx, secret, live);
      }
      throw noSource(secret);
    }),
  );
}

function filled({ records }: RunContext, secret: BackupSecret, live: KubeObject): KubeObject {
  const { ref, labels, annotations, type, immutable } = secret;
  const { name, namespace = '' } = ref;
  const object: KubeObject = {
    ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace, labels, annotations } },
    ...{ type, data: fieldsAt(live, ['data']) },
    ...(immutable && { immutable }),
  };
  return withOwner(object, records);
}

function noSource({ ref }: BackupSecret): CutoverError {
  const name = describeRef(ref);
  return new CutoverError(`${name} of the hot backup has no data: no Secret of the other role has the recorded data`, {
    code: 'changed',
    object: name,
    hint: 'Somebody has changed or deleted it since it was staged. Stage again, or run this step with `idle-policy: keep`.',
  });
}
