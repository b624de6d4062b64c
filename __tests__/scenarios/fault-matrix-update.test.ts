import { afterAll } from '@jest/globals';
import { describeEmbedded } from './cluster.js';
import { playMatrix } from './fault-matrix.js';
import { update } from './matrix-subjects.js';

describeEmbedded('Every request of a deploy meets every fault', 'only it makes faults', () => {
  afterAll(playMatrix(update));
});
