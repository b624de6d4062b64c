import { conform } from '../../support/conformance/play-rows.js';
import { rows } from './statefulsets-rows.js';

conform('StatefulSets', rows);
