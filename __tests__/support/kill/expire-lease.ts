import { readFileSync } from 'node:fs';
import type { TestNamespace } from '../scenario/test-namespace.js';
import { web } from './web.js';

/** Whether a step waits for a lock that another run holds: with an input of its own, it does. */
export function waitsForLock(): boolean {
  return /^ {2}lock-timeout:/m.test(readFileSync('action.yml', 'utf8'));
}

/** Makes the Lease of a lost run look as if it had not been renewed for long, for a step that does not wait. */
export async function expireLease({ cluster: { kube }, namespace }: TestNamespace): Promise<void> {
  const lease = { kind: 'Lease', namespace, name: `cutover-${web.release}` } as const;
  if ((await kube.get(lease)) === undefined) return;
  await kube.patch(lease, { spec: { renewTime: '2020-01-01T00:00:00.000000Z' } });
}
