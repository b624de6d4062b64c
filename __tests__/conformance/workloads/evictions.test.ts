import { playRows } from '../../support/conformance/play-rows.js';
import { rows } from './evictions-rows.js';

playRows('evictions', rows);
