import { playRows } from '../../support/conformance/play-rows.js';
import { rows } from './endpoints-rows.js';

playRows('EndpointSlices', rows);
