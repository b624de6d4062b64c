import { afterAll } from '@jest/globals';
import { describeEmbedded } from '../support/scenario/cluster.js';
import { playMatrix } from '../support/matrix/matrix.js';
import { switched } from '../support/matrix/subjects.js';

describeEmbedded('Every request of a deploy meets every fault', 'only it makes faults', () => {
  afterAll(playMatrix(switched));
});
