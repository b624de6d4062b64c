import { playRows } from '../../support/conformance/play-rows.js';
import { rows } from './daemonsets-rows.js';

playRows('DaemonSets', rows);
