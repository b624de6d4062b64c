import { referencesIn } from '../../../../kubernetes/pods/config-references.js';
import { fieldAt } from '../../../../kubernetes/fields.js';
import { describeRef, type KubeObject } from '../../../../kubernetes/object.js';
import type { RunContext } from '../../../../run/context.js';
import type { ServingDeployment } from './serving-deployment.js';

/**
 * Warns of each ConfigMap and Secret that was written after the oldest serving pod had started: that pod may still have what it
 * read before, and the twin reads what is there now. When a pod has read it, and which keys, cannot be known.
 */
export async function warnOfNewerConfig(
  ctx: RunContext,
  { deployment, replicaSet, pods }: ServingDeployment,
): Promise<void> {
  const { namespace } = deployment.metadata;
  const started = pods.map(startOf).sort()[0] ?? '';
  const references = referencesIn(fieldAt(replicaSet, ['spec', 'template'])).filter(({ pullOnly }) => !pullOnly);
  await Promise.all(
    references.map(async ({ kind, name }) => {
      const ref = { apiVersion: 'v1', kind, name, ...(namespace !== undefined && { namespace }) };
      const live = await ctx.cluster.get(ref);
      const written = live === undefined ? '' : lastWriteOf(live);
      if (written <= started) return;
      ctx.log.warning(
        `${describeRef(ref)} was written at ${written}, after the oldest pod that serves had started (${started}): the adopted version reads it as it is now`,
      );
    }),
  );
}

function startOf(pod: KubeObject): string {
  const started = fieldAt(pod, ['status', 'startTime']);
  return typeof started === 'string' ? started : (pod.metadata.creationTimestamp ?? '');
}

/** All times are of the API server, as `2026-03-01T12:00:00Z`. */
function lastWriteOf({ metadata }: KubeObject): string {
  const times = (metadata.managedFields ?? []).map(entry => fieldAt(entry, ['time']));
  const known = [metadata.creationTimestamp, ...times].filter(time => typeof time === 'string');
  return known.sort().at(-1) ?? '';
}
