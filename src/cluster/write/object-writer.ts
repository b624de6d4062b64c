import { asCutoverError } from '../../errors.js';
import { isSecret } from '../../kubernetes/kinds.js';
import { refOf, type KubeObject, type ObjectRef } from '../../kubernetes/object.js';
import { applyBody, matchesDesired, warningsOf } from '../apply/apply-body.js';
import { fieldManager } from '../apply/field-manager.js';
import type { Applied, ApplyOptions, Cluster, ObjectWriter } from '../cluster.js';
import type { HttpAnswer } from '../http/transport.js';
import type { WriteFence } from '../http/write-fence.js';
import { objectOf, type Resources } from '../resources.js';

/** What an {@link ObjectWriter} needs. */
export interface ObjectWriterParts {
  readonly resources: Resources;
  readonly fence: WriteFence;
  readonly cluster: Cluster;
}

/** Query of every write. */
export const writeQuery = { fieldManager, fieldValidation: 'Strict' };

/** Writes objects over HTTP while the fence is open. */
export function objectWriter({ resources, fence, cluster }: ObjectWriterParts): ObjectWriter {
  return {
    async apply(object, options = {}) {
      try {
        return await sendApply(resources, object, { ...options, fence });
      } catch (error) {
        if (options.resourceVersion === undefined || asCutoverError(error).code !== 'moved') throw error;
        // When a connection breaks after the write, the retry fails: the write itself has changed the resourceVersion.
        const expected = await cluster.dryRunApply(object, { force: options.force ?? false });
        const live = await cluster.get(refOf(object));
        if (live === undefined || !matchesDesired(live, expected.object)) throw error;
        return { ...expected, object: live };
      }
    },

    async create(object) {
      const request = { method: 'POST', verb: 'create', query: writeQuery, body: object, fence };
      return objectOf(await resources.send(refOf(object), request));
    },

    async setManagedFields(live, managedFields) {
      const answer = await resources.send(refOf(live), {
        method: 'PATCH',
        verb: 'patch',
        contentType: 'application/json-patch+json',
        query: writeQuery,
        body: [
          { op: 'replace', path: '/metadata/managedFields', value: managedFields },
          { op: 'replace', path: '/metadata/resourceVersion', value: live.metadata.resourceVersion },
        ],
        fence,
      });
      return objectOf(answer);
    },

    async replace(object) {
      const ref = refOf(object);
      try {
        const request = { method: 'PUT', verb: 'update', query: writeQuery, body: object, fence };
        return objectOf(await resources.send(ref, request));
      } catch (error) {
        if (asCutoverError(error).code !== 'moved') throw error;
        const live = await cluster.get(ref);
        // As above: our own write may have changed the resourceVersion.
        if (live === undefined || !matchesDesired(live, object)) throw error;
        return live;
      }
    },

    async remove(ref, preconditions) {
      const body = {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy: 'Background',
        preconditions,
      };
      try {
        await resources.send(ref, { method: 'DELETE', verb: 'delete', body, fence });
      } catch (error) {
        const { code } = asCutoverError(error);
        if (code !== 'not-found' && code !== 'moved') throw error;
      }
    },

    async evict(pod, preconditions) {
      const { name, namespace } = pod;
      const body = {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name, ...(namespace !== undefined && { namespace }) },
        deleteOptions: { preconditions },
      };
      try {
        await resources.send(pod, { method: 'POST', verb: 'create', subresource: 'eviction', body, fence });
      } catch (error) {
        const { code } = asCutoverError(error);
        if (code !== 'not-found' && code !== 'moved') throw error;
      }
    },
  };
}

/** Sends a server-side apply. `fence` absent: the request is not a write of the application, or a dry run. */
export async function sendApply(
  resources: Resources,
  object: KubeObject,
  options: ApplyOptions & { readonly dryRun?: boolean; readonly fence?: WriteFence } = {},
): Promise<Applied> {
  const { dryRun, force, resourceVersion, fence } = options;
  const answer = await resources.send(refOf(object), {
    method: 'PATCH',
    verb: 'patch',
    contentType: 'application/apply-patch+yaml',
    query: { ...writeQuery, ...(dryRun && { dryRun: 'All' }), ...(force && { force: 'true' }) },
    body: applyBody(await resources.placed(object), resourceVersion),
    ...(fence !== undefined && { fence }),
  });
  return applied(answer);
}

/** `undefined` when the object does not exist. */
export async function getObject(resources: Resources, ref: ObjectRef): Promise<KubeObject | undefined> {
  try {
    return objectOf(await resources.send(ref, { method: 'GET', verb: 'get' }));
  } catch (error) {
    if (asCutoverError(error).code === 'not-found') return undefined;
    throw error;
  }
}

/** Stands for a warning about a Secret, which can quote a value. */
const hiddenWarning = 'the API server warns about this Secret; the text is not shown, since it can quote a value';

function applied(answer: HttpAnswer): Applied {
  const object = objectOf(answer);
  return {
    object,
    created: answer.status === 201,
    warnings: isSecret(object) ? warningsOf(answer.headers).map(() => hiddenWarning) : warningsOf(answer.headers),
  };
}
