import { conform } from '../../support/conformance/play-rows.js';
import { rows } from './endpoints-rows.js';

conform('EndpointSlices', rows);
