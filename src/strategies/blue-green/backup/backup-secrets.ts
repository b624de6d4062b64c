import { CutoverError } from '../../../errors.js';
import { fieldsAt } from '../../../kubernetes/fields.js';
import { describeRef, type KubeObject } from '../../../kubernetes/object.js';
import { withOwner } from '../../../manifests/owner.js';
import { hideSecret } from '../../../manifests/secret-values.js';
import { secretHash, type BackupSecret, type Revision } from '../../../release/revision.js';
import type { RunContext } from '../../../run/context.js';
import { ownedLive, requireOwnedObjects } from '../../recorded/owned-objects.js';

/** The API server writes a token into such a Secret, for the account that an annotation names. */
const tokenType = 'kubernetes.io/service-account-token';

/**
 * The Secrets of a backup, with type and data of those that the role of the users has: only of such that belong to the release, are
 * in the same namespace and as they were recorded. So the record alone gives nobody a Secret. Throws `changed` where there is none, and
 * `record` where others own the Secret of the backup.
 */
export async function backupSecrets(
  ctx: RunContext,
  revision: Revision,
  direction: 'promote' | 'rollback',
): Promise<readonly KubeObject[]> {
  const secrets = revision.backup?.secrets ?? [];
  const found = await Promise.all(
    secrets.map(async secret => {
      const there = await ctx.cluster.get(secret.ref);
      const source = await sourceOf(ctx, revision, secret);
      if (source === undefined && there !== undefined && direction === 'rollback') return leftAsIs(ctx, secret);
      if (source === undefined) throw noSource(secret);
      const object = filled(ctx, secret, source);
      return there === undefined ? [object] : requireOwnedObjects(ctx, [object]);
    }),
  );
  return found.flat();
}

/** A rollback restores no data of Secrets, so those of the role that it leads to may have other data, too. */
function leftAsIs({ log }: RunContext, { ref }: BackupSecret): readonly KubeObject[] {
  log.warning(
    `${describeRef(ref)} of the hot backup is not changed: its data is not on record, and no Secret has it now`,
  );
  return [];
}

async function sourceOf(
  ctx: RunContext,
  { secrets }: Revision,
  { hash, ref }: BackupSecret,
): Promise<KubeObject | undefined> {
  for (const source of secrets.filter(one => one.hash === hash && one.ref.namespace === ref.namespace)) {
    const live = await ownedLive(ctx, source.ref);
    if (live === undefined || secretHash(live) !== hash || live['type'] === tokenType) continue;
    hideSecret(ctx.log, live);
    return live;
  }
  return undefined;
}

function filled({ records }: RunContext, secret: BackupSecret, live: KubeObject): KubeObject {
  const { labels, immutable, hasType } = secret;
  const data = fieldsAt(live, ['data']);
  const { name, namespace = '' } = secret.ref;
  // Those of Kubernetes itself say what a Secret is for.
  const own = Object.entries(secret.annotations).filter(([key]) => !/(^|\.)(kubernetes|k8s)\.io\//.test(key));
  const object: KubeObject = {
    ...{ apiVersion: 'v1', kind: 'Secret' },
    metadata: { name, namespace, labels, annotations: Object.fromEntries(own) },
    // The same fields as in the manifest: otherwise a staging of the same Secret changes who owns them, and nothing else.
    ...(hasType && { type: live['type'] }),
    ...(Object.keys(data).length > 0 && { data }),
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
