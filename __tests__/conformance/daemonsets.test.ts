import { conform } from './conformance.js';
import { rows } from './daemonsets-rows.js';

conform('DaemonSets', rows);
