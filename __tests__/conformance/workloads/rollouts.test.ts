import { playRows } from '../../support/conformance/play-rows.js';
import { rows } from './rollouts-rows.js';

playRows('rollouts', rows);
