import { conform } from './conformance.js';
import { rows } from './statefulsets-rows.js';

conform('StatefulSets', rows);
