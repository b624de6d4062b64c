import { conform } from './conformance.js';
import { rows } from './logs-rows.js';

conform('logs', rows);
