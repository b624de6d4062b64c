import type { ProxiedCall } from './delaying-proxy.js';
import type { Tool } from './deploy-tools.js';

/** The way of a tool to the last object that it applied. Times in milliseconds from its start; absent: it applied none. */
export interface Way {
  /** Of the whole step. */
  readonly calls: number;
  /** The most requests up to the last applied object that followed each other; all of them where none was applied. */
  readonly depth: number;
  readonly firstCallMs?: number;
  /** When the first object was sent. */
  readonly firstObjectMs?: number;
  /** When the last object was answered. */
  readonly lastObjectMs?: number;
  readonly wallMs: number;
}

export function wayOf(
  calls: readonly ProxiedCall[],
  { tool, startedAt, endedAt }: { readonly tool: Tool; readonly startedAt: number; readonly endedAt: number },
): Way {
  const objects = calls.filter(call => isObject(call, tool));
  const first = Math.min(...objects.map(({ arrivedAt }) => arrivedAt));
  const last = Math.max(...objects.map(({ answeredAt }) => answeredAt));
  const applied = objects.length > 0;
  return {
    calls: calls.length,
    depth: depthOf(calls.filter(({ arrivedAt }) => !applied || arrivedAt <= last)),
    ...(calls.length > 0 && { firstCallMs: Math.min(...calls.map(({ arrivedAt }) => arrivedAt)) - startedAt }),
    ...(applied && { firstObjectMs: first - startedAt, lastObjectMs: last - startedAt }),
    wallMs: endedAt - startedAt,
  };
}

/** Whether a call applies an object of the set, which are neither records nor Leases of Cutover. */
function isObject({ method, url }: ProxiedCall, { appliesBy }: Tool): boolean {
  return appliesBy.includes(method) && !/dryRun|\/leases|\/secrets\/cutover-|reviews/.test(url);
}

/** The most calls of which each began when the one before was answered. */
function depthOf(calls: readonly ProxiedCall[]): number {
  const depths = new Map<ProxiedCall, number>();
  for (const call of calls.toSorted((one, other) => one.arrivedAt - other.arrivedAt)) {
    const before = [...depths].filter(([{ answeredAt }]) => answeredAt <= call.arrivedAt).map(([, depth]) => depth);
    depths.set(call, Math.max(0, ...before) + 1);
  }
  return Math.max(0, ...depths.values());
}
