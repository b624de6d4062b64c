import { describeEmbedded } from '../support/scenario/cluster.js';
import { playKills } from '../support/kill/play-kills.js';
import { waysBack } from '../support/kill/situations.js';

describeEmbedded('A step that is killed', 'only it can be copied', () => {
  playKills('blue/green', waysBack);
});
