import { playRows } from '../../support/conformance/play-rows.js';
import { rows } from './port-forward-rows.js';

playRows('port-forward to pods', rows);
