import { isReal } from '../scenario/cluster.js';
import { playKills } from './play-kills.js';
import { playKillsOnCluster } from './play-on-cluster.js';
import type { Situation } from './situations.js';

/** Plays every kill on the embedded cluster, which can be copied; under `npm run test:cluster` some of them on the real one. */
export function playKillsHere(strategy: string, situations: readonly Situation[]): void {
  if (isReal) playKillsOnCluster(strategy, situations);
  else playKills(strategy, situations);
}
