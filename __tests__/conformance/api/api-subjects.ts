import type { Row } from '../../support/conformance/api-row.js';
import { rows as applyRows } from './apply-rows.js';
import { autoscalerRows } from './autoscaler-rows.js';
import { clusterWideRows } from './cluster-wide-rows.js';
import { conflictRows } from './conflict-rows.js';
import { defaultRows } from './default-rows.js';
import { deleteRows } from './delete-rows.js';
import { dryRunRows } from './dry-run-rows.js';
import { errorRows } from './error-rows.js';
import { generateNameRows } from './generate-name-rows.js';
import { immutabilityRows } from './immutability-rows.js';
import { invalidRows } from './invalid-rows.js';
import { jobRows } from './job-rows.js';
import { listRows } from './list-rows.js';
import { subresourceRows } from './subresource-rows.js';
import { unionRows } from './union-rows.js';
import { watchRows } from './watch-rows.js';

/** Rows about one subject. */
export interface Subject {
  readonly subject: string;
  readonly rows: readonly Row[];
  /** The namespaces of the rows: one for all unless their objects share names. */
  readonly namespaces: 'one for all' | 'one each';
}

const shared = (subject: string, rows: readonly Row[]): Subject => ({ subject, rows, namespaces: 'one for all' });

export const subjects: readonly Subject[] = [
  { subject: 'server-side apply', rows: applyRows, namespaces: 'one each' },
  shared('conflicts', conflictRows),
  shared('what cannot change', immutabilityRows),
  shared('what is filled in', defaultRows),
  shared('mistakes', invalidRows),
  shared('errors', errorRows),
  shared('watches', watchRows),
  shared('lists', listRows),
  shared('deletions', deleteRows),
  shared('dry runs', dryRunRows),
  shared('subresources', subresourceRows),
  shared('generated names', generateNameRows),
  shared('exclusive fields', unionRows),
  shared('Jobs made again', jobRows),
  shared('versions of an autoscaler', autoscalerRows),
  shared('configuration of the cluster', clusterWideRows),
];
