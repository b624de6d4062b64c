import type { FaultMatch, SeenCall } from '../../../sandbox/sandbox.js';
import type { KubeObject } from '../../../src/kubernetes/object.js';
import { field } from '../field.js';
import type { TestNamespace } from '../scenario/test-namespace.js';
import type { Target } from './faults.js';
import { release } from './subjects.js';

/** The run-specific parts of the object names in a row. */
export interface Names {
  readonly version: string;
  readonly active: string;
  readonly idle: string;
}

/** The names in this namespace when `version` is deployed next. */
export async function namesIn(ns: TestNamespace, version: string): Promise<Names> {
  const active = roleOf(await ns.get('Service', release)) ?? 'blue';
  return { version, active, idle: active === 'blue' ? 'green' : 'blue' };
}

/** The name of a request with what differs from run to run replaced, as {@link Target} has it. */
export function generic({ kind, name }: SeenCall, { version, active, idle }: Names): string {
  if (kind === 'Pod') return name === '' ? '' : '<pod>';
  return name
    .replace(/^cutover-shop\.\d+$/, 'cutover-shop.<revision>')
    .replace(version, '<version>')
    .replace(/\bv\d+$/, '<earlier>')
    .replace(new RegExp(`\\b${active}\\b`), '<active>')
    .replace(new RegExp(`\\b${idle}\\b`), '<idle>');
}

/** Matches the requests of this namespace that `target` stands for. */
export function matchOf(ns: TestNamespace, target: Target, { version, active, idle }: Names): FaultMatch {
  const { verb, kind, dryRun, skip } = target;
  const name = target.name
    .replace('<revision>', '\\d+')
    .replace('<version>', version)
    .replace('<earlier>', `(?!${version}$)v\\d+`)
    .replace('<active>', active)
    .replace('<idle>', idle)
    .replace('<pod>', '.+');
  return {
    verb: verb as NonNullable<FaultMatch['verb']>,
    kind,
    namespace: ns.namespace,
    name: new RegExp(`^${name}$`),
    dryRun,
    skip,
  };
}

/** The role that a public Service selects. */
export function roleOf(service: KubeObject | undefined): string | undefined {
  return field(service, 'spec', 'selector', 'role') as string | undefined;
}
