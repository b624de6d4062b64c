import { restoreSnapshots, type LeftObject } from '../cluster/apply/restore-snapshots.js';
import { CutoverError } from '../errors.js';
import { describeRef, refOf } from '../kubernetes/object.js';
import { isReady } from '../kubernetes/pods/pod.js';
import { selectorOf } from '../kubernetes/selectors.js';
import { canonical } from '../kubernetes/canonical.js';
import type { RunContext } from '../run/context.js';
import { decideActive } from './active-role.js';
import { confirmEndpoints } from './endpoint-slices.js';
import { lookAt } from './look.js';
import type { TrafficRouter } from './router.js';
import { selectedPods } from './selected-pods.js';

/** The router that every cluster has: the selectors of the public Services. */
export function serviceSelector({
  cluster,
  log,
  records,
  clock,
}: Pick<RunContext, 'cluster' | 'log' | 'records' | 'clock'>): TrafficRouter {
  return {
    async read(ref, { roles, podLabels }) {
      const service = await cluster.get(ref);
      return {
        active: decideActive({ service, roles, podLabels }),
        before: { ref, ...(service !== undefined && { object: service }) },
      };
    },

    async readyPods(service) {
      return service === undefined ? [] : (await selectedPods(cluster, service)).filter(isReady);
    },

    look: request => lookAt(cluster, request),

    // One server-side apply: users reach the old role or the new one, never both and never none. The apply does not
    // mention clusterIP, nodePort and load balancer, so they stay.
    async set({ object, force }, before, writer) {
      const resourceVersion = before.object?.metadata.resourceVersion;
      await writer.apply(object, { force, ...(resourceVersion !== undefined && { resourceVersion }) });
      log.info(`${describeRef(before.ref)} ${before.object === undefined ? 'created' : 'switched'}`);
    },

    async isSetTo(object) {
      const live = await cluster.get(refOf(object));
      return live !== undefined && canonical(selectorOf(live)) === canonical(selectorOf(object));
    },

    confirm: (expected, options) =>
      confirmEndpoints({ cluster, log, service: refOf(expected.object), expected, ...options }),

    async restore(before, writer) {
      const { release, namespace } = records;
      const { failed, left } = await restoreSnapshots({
        ...{ cluster, writer, snapshots: [before], release, namespace, log, clock },
        signal: new AbortController().signal,
      });
      const [first] = failed;
      if (first !== undefined) throw first.error;
      if (left[0] !== undefined) throw notRemoved(left[0]);
    },
  };
}

/** A Service that did not exist before, and that others have written: users may need it by now. */
function notRemoved({ ref, why }: LeftObject): CutoverError {
  const name = describeRef(ref);
  return new CutoverError(`${name} did not exist before and is not removed: ${why}`, {
    code: 'changed',
    object: name,
    hint: 'Delete it if nobody needs it, or run this step again.',
  });
}
