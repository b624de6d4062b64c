import { playRows } from '../../support/conformance/play-rows.js';
import { rows } from './pods-rows.js';

playRows('pods and Jobs', rows);
