import { conform } from '../../support/conformance/play-rows.js';
import { rows } from './logs-rows.js';

conform('logs', rows);
