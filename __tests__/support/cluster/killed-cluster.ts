import type { ApplyOptions, DeletePreconditions, ListOptions } from '../../../src/cluster/cluster.js';
import type { MemoryCluster } from './memory-cluster.js';

/** The moment at which a process is killed: before its write is sent, or when it is done but not answered. */
export type KillMoment = 'before' | 'after';

/** A cluster as a process sees it that is killed at its write number `n`: from then on every call fails. */
export function killedAt(
  cluster: MemoryCluster,
  n: number,
  moment: KillMoment,
): MemoryCluster & { died: () => boolean } {
  let writes = 0;
  let isDead = false;
  const fail = (): never => {
    isDead = true;
    throw new Error('killed');
  };
  const read = <A extends unknown[], T>(call: (...args: A) => Promise<T>) => {
    return async (...args: A): Promise<T> => (isDead ? fail() : call(...args));
  };
  const write = <A extends unknown[], T>(call: (...args: A) => Promise<T>) => {
    return async (...args: A): Promise<T> => {
      if (isDead) return fail();
      writes += 1;
      if (writes === n && moment === 'before') return fail();
      const answer = await call(...args);
      return writes === n ? fail() : answer;
    };
  };
  return {
    ...cluster,
    died: () => isDead,
    get: read(ref => cluster.get(ref)),
    list: read((kind, options?: ListOptions) => cluster.list(kind, options)),
    apply: write((object, options?: ApplyOptions) => cluster.apply(object, options)),
    create: write(object => cluster.create(object)),
    replace: write(object => cluster.replace(object)),
    setManagedFields: write((live, managedFields) => cluster.setManagedFields(live, managedFields)),
    remove: write((ref, preconditions: DeletePreconditions) => cluster.remove(ref, preconditions)),
  };
}
