import { conform } from './conformance.js';
import { rows } from './endpoints-rows.js';

conform('EndpointSlices', rows);
