import { refOf } from '../../../src/kubernetes/object.js';
import { encodeRevision, type Revision } from '../../../src/release/revision.js';
import { encodeState } from '../../../src/release/state-record.js';
import type { BlueGreenState } from '../../../src/release/state.js';
import { blueGreenStateOf, revisionOf, type WebRelease } from './web-release.js';

/** Somebody who may write Secrets changes a revision. */
export function forgeRevision(
  { cluster }: WebRelease,
  number: number,
  change: (revision: Revision) => Partial<Revision>,
): void {
  const revision = revisionOf(cluster, number)!;
  const secret = encodeRevision({ ...revision, ...change(revision) }, { name: 'web', namespace: 'shop' });
  cluster.store.update({ ...cluster.store.get(refOf(secret)), ...secret });
}

/** The same with the state, of a blue/green release alone. */
export function forgeState({ cluster }: WebRelease, change: (state: BlueGreenState) => BlueGreenState): void {
  const state = blueGreenStateOf(cluster);
  if (state === undefined) return;
  const secret = encodeState(change(state), 'shop');
  cluster.store.update({ ...cluster.store.get(refOf(secret)), ...secret });
}
