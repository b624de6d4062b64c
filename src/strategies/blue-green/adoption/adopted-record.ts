import { selectorOf } from '../../../kubernetes/selectors.js';
import { templateLabels } from '../../../kubernetes/pod-spec.js';
import { hashLabel } from '../../../kubernetes/pod-template.js';
import { without } from '../../../kubernetes/fields.js';
import { refOf, type KubeObject } from '../../../kubernetes/object.js';
import { authorOf, imagesOf, type Revision } from '../../../release/revision.js';
import { adoptedRevision, type ReleaseState } from '../../../release/state.js';
import type { RunContext } from '../../../run/context.js';
import type { BlueGreenDeploy } from '../staging/staging.js';
import type { Adoption } from './live-application.js';

/** The deploy with the record of a release whose users are on what is adopted. */
export function withAdopted(deploy: BlueGreenDeploy, adoption: Adoption): BlueGreenDeploy {
  const { state, inputs } = deploy;
  const { role, deployment, before, narrowed } = adoption;
  const podLabels = { ...templateLabels(deployment), [hashLabel]: selectorOf(narrowed)[hashLabel] ?? '' };
  const adopted: ReleaseState = {
    ...withoutAdopted(state),
    current: adoptedRevision,
    publicService: before.ref,
    roleNames: inputs.roles,
    roles: { [role]: { podLabels, deployments: [refOf(deployment)], revision: adoptedRevision } },
  };
  return { ...deploy, state: adopted, adoption };
}

/** The state of a release that never had roles. Unchanged once users are on a revision of its own. */
export function withoutAdopted(state: ReleaseState): ReleaseState {
  if (state.current !== undefined && state.current !== adoptedRevision) return state;
  const { current: _none, roles: _roles, roleNames: _names, publicService: _service, staged: _staged, ...rest } = state;
  return rest;
}

/** What is adopted, as the revision that a rollback goes back to. */
export function revisionOfAdopted(
  ctx: RunContext,
  { role, deployment, autoscalers, before, narrowed }: Adoption,
): Revision {
  const objects = [recordable(deployment)];
  return {
    ...authorOf(ctx.run),
    number: adoptedRevision,
    strategy: 'blue-green',
    role,
    objects,
    secrets: [],
    publicService: narrowed,
    shared: [],
    applyAfterSwitch: autoscalers.map(recordable),
    before: [before],
    // Those of the manifests expect the new version.
    checks: [],
    // Its fields are still owned by the tool that applied it.
    force: true,
    contentHash: '',
    images: imagesOf(objects),
    at: new Date().toISOString(),
  };
}

/** The object without what its controller keeps in it, so that applying it again changes nothing. */
function recordable(object: KubeObject): KubeObject {
  const { status: _status, metadata, ...rest } = object;
  const { managedFields: _fields, annotations = {}, ...kept } = metadata;
  const own = without(annotations, ['deployment.kubernetes.io/revision']);
  return { ...rest, metadata: { ...kept, annotations: own } } as KubeObject;
}
