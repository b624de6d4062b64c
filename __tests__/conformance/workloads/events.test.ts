import { playRows } from '../../support/conformance/play-rows.js';
import { rows } from './events-rows.js';

playRows('Events', rows);
