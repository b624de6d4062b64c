import { conform } from '../../support/conformance/play-rows.js';
import { rows } from './events-rows.js';

conform('Events', rows);
