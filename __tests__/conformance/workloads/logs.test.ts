import { playRows } from '../../support/conformance/play-rows.js';
import { rows } from './logs-rows.js';

playRows('logs', rows);
