import { conform } from './conformance.js';
import { rows } from './pods-rows.js';

conform('pods and Jobs', rows);
