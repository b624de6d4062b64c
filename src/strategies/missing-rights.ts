import type { NeededRule } from '../cluster/cluster.js';
import type { Connection } from '../cluster/live-cluster.js';
import { asCutoverError } from '../errors.js';
import { actionOf, type Action } from '../inputs/actions.js';
import type { Inputs } from '../inputs/inputs.js';
import { refOf, type KindRef } from '../kubernetes/object.js';
import { renderManifests } from '../manifests/render.js';
import { FailedStep } from './outcome/outcome.js';
import type { Draft } from './shared/rendering.js';

const rule = (apiVersion: string, kind: string, ...verbs: readonly string[]): NeededRule => ({
  kind: { apiVersion, kind },
  verbs,
});

const lock = rule('coordination.k8s.io/v1', 'Lease', 'get', 'create', 'update', 'delete');
const pods = [
  rule('apps/v1', 'Deployment', 'get', 'list', 'watch'),
  rule('apps/v1', 'ReplicaSet', 'list', 'watch'),
  rule('v1', 'Pod', 'get', 'list', 'watch'),
];
const endpoints = rule('discovery.k8s.io/v1', 'EndpointSlice', 'list', 'watch');
const traffic = rule('v1', 'Service', 'get', 'patch');
const newRecord = rule('v1', 'Secret', 'get', 'create', 'update', 'delete');
const record = rule('v1', 'Secret', 'get', 'update', 'delete');

/** What each action needs in any case, beside the objects of the manifests. The Roles of docs/rbac.md have all of it. */
export const neededRules: Readonly<Record<Action | 'plan', readonly NeededRule[]>> = {
  rolling: [newRecord, lock, ...pods],
  'blue-green': [newRecord, lock, ...pods, traffic],
  promote: [record, lock, ...pods, endpoints, traffic],
  rollback: [record, lock, ...pods],
  reject: [record, lock, rule('v1', 'Service', 'get'), rule('apps/v1', 'Deployment', 'get')],
  plan: [rule('v1', 'Secret', 'get')],
  status: [rule('v1', 'Secret', 'get'), rule('apps/v1', 'Deployment', 'get')],
};

/** A step, for the rights that it needs. */
export interface StepRights {
  readonly cluster: Pick<Connection, 'missingRules'>;
  readonly inputs: Pick<Inputs, 'action'> & Partial<Parameters<typeof actionOf>[0]>;
  /** Only of a deploy or a plan. */
  readonly draft?: Draft;
}

/**
 * Runs a step. If it fails for a missing right, its error lists all rights that it needs and that are missing, so that they can be
 * granted at once.
 */
export async function namingMissingRights<T>(step: StepRights, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    const error = thrown instanceof FailedStep ? thrown.error : asCutoverError(thrown);
    if (!/Missing rule: /.test(error.hint ?? '')) throw thrown;
    // The API server answers that to everybody; if it does not, the error itself names the first one.
    const missing = await step.cluster.missingRules(rulesOf(step)).catch(() => []);
    if (missing.length < 2) throw thrown;
    const amended = error.amended({
      problems: [...error.problems, ...missing.map(text => ({ message: `Missing rule: ${text}` }))],
      hint: 'Grant the user of the kubeconfig all of these rules; docs/rbac.md has the whole Role of each action.',
    });
    throw thrown instanceof FailedStep ? new FailedStep(amended, thrown.outcome) : amended;
  }
}

function rulesOf({ inputs, draft }: StepRights): readonly NeededRule[] {
  const { action, strategy = 'rolling' } = inputs;
  if (action === 'plan') return [...neededRules.plan, ...ofManifests(draft, 'get', 'create', 'patch')];
  const own = action === 'deploy' ? ofManifests(draft, 'get', 'create', 'patch', 'delete') : [];
  return [...neededRules[actionOf({ action, strategy })], ...own];
}

/** The kinds of the manifests; none where they cannot be rendered yet. */
function ofManifests(draft: Draft | undefined, ...verbs: readonly string[]): readonly NeededRule[] {
  if (draft === undefined) return [];
  const { request, release } = draft;
  const builtIns = { RELEASE: release, REVISION: '1', TARGET_ROLE: 'role', ...request.builtIns };
  try {
    return renderManifests({ ...request, builtIns }).resources.map(({ object }) => ({
      kind: kindOf(refOf(object)),
      verbs,
    }));
  } catch {
    return [];
  }
}

function kindOf({ apiVersion, kind, namespace }: KindRef): KindRef {
  return { apiVersion, kind, ...(namespace !== undefined && { namespace }) };
}
