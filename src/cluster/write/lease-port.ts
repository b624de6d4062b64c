import { asCutoverError } from '../../errors.js';
import { refOf } from '../../kubernetes/object.js';
import type { LeasePort } from '../cluster.js';
import { objectOf, type Resources } from '../resources.js';
import { getObject, writeQuery } from './object-writer.js';

/** Limit of one attempt. A renewal that takes longer is sent again, while the Lease is still held. */
export const leaseTimeoutMs = 5_000;

/** Writes Leases. `resources`: of a lane with one attempt a request. */
export function leasePort(resources: Resources): LeasePort {
  return {
    get: ref => getObject(resources, ref),
    create: async lease =>
      objectOf(await resources.send(refOf(lease), { method: 'POST', verb: 'create', query: writeQuery, body: lease })),
    replace: async lease =>
      objectOf(await resources.send(refOf(lease), { method: 'PUT', verb: 'update', query: writeQuery, body: lease })),
    async remove(ref, preconditions) {
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions };
      try {
        await resources.send(ref, { method: 'DELETE', verb: 'delete', body });
      } catch (error) {
        if (asCutoverError(error).code !== 'not-found') throw error;
      }
    },
  };
}
