import { conform } from '../../support/conformance/play-rows.js';
import { rows } from './proxy-rows.js';

conform('the proxy to pods and Services', rows);
