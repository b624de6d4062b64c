import { conform } from './conformance.js';
import { rows } from './rollouts-rows.js';

conform('rollouts', rows);
