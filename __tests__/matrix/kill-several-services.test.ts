import { describe } from '@jest/globals';
import { playKillsHere } from '../support/kill/play-here.js';
import { severalServices } from '../support/kill/situations.js';

describe('A step that is killed', () => {
  playKillsHere('several Services', severalServices);
});
