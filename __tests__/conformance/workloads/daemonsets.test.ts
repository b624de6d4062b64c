import { conform } from '../../support/conformance/play-rows.js';
import { rows } from './daemonsets-rows.js';

conform('DaemonSets', rows);
