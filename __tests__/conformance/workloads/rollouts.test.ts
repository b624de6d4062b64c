import { conform } from '../../support/conformance/play-rows.js';
import { rows } from './rollouts-rows.js';

conform('rollouts', rows);
