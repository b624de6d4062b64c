import { playRows } from '../../support/conformance/play-rows.js';
import { rows } from './statefulsets-rows.js';

playRows('StatefulSets', rows);
