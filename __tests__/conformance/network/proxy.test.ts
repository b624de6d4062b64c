import { playRows } from '../../support/conformance/play-rows.js';
import { rows } from './proxy-rows.js';

playRows('the proxy to pods and Services', rows);
