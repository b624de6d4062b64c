import { conform } from './conformance.js';
import { rows } from './proxy-rows.js';

conform('the proxy to pods and Services', rows);
