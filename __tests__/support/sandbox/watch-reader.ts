import { createInterface } from 'node:readline';
import type { JsonObject } from '../../../sandbox/api/schema/json.js';
import type { ApiClient } from './api-client.js';

/** Reads a watch event by event. */
export interface WatchReader {
  readonly status: number;
  /** The next event; `undefined` when the watch has ended. */
  next(): Promise<JsonObject | undefined>;
}

export async function openWatch(
  api: ApiClient,
  path: string,
  query: Record<string, string> = {},
): Promise<WatchReader> {
  const incoming = await api.open({ method: 'GET', path, query: { watch: 'true', ...query } });
  const lines = createInterface({ input: incoming })[Symbol.asyncIterator]();
  return {
    status: incoming.statusCode ?? 0,
    next: async () => {
      const line = await lines.next();
      return line.done === true ? undefined : (JSON.parse(line.value) as JsonObject);
    },
  };
}
