import { conform } from './conformance.js';
import { rows } from './events-rows.js';

conform('Events', rows);
