import { playRows } from '../../support/conformance/play-rows.js';
import { rows } from './sidecars-rows.js';

playRows('sidecars and pods of several containers', rows);
