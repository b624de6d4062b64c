import { conform } from '../../support/conformance/play-rows.js';
import { rows } from './pods-rows.js';

conform('pods and Jobs', rows);
