import { isFields } from './fields.js';
import { own } from '../own.js';

const keys = ['name', 'mountPath', 'devicePath', 'containerPort', 'port', 'ip', 'topologyKey', 'key', 'type'];

/** The member that identifies the items of all these lists; `undefined` when there is none. */
export function listKey(...lists: readonly (readonly unknown[])[]): string | undefined {
  return keys.find(key =>
    lists.every(
      list =>
        list.every(item => isFields(item) && Object.hasOwn(item, key) && item[key] !== undefined) &&
        new Set(list.map(item => own(item as Record<string, unknown>, key))).size === list.length,
    ),
  );
}
