import { asCutoverError, CutoverError, type Problem } from '../../../../errors.js';
import { isDeployment } from '../../../../kubernetes/deployment.js';
import { describeRef, refKey, refOf, type KubeObject } from '../../../../kubernetes/object.js';
import { isBeingDeleted } from '../../../../kubernetes/pods/pod.js';
import { templateLabels } from '../../../../kubernetes/pods/pod-spec.js';
import { selectorOf, selects, type Labels } from '../../../../kubernetes/selectors.js';
import { isFurtherService } from '../../../../manifests/roles/public-service.js';
import type { RunContext } from '../../../../run/context.js';
import { selectsAny } from '../../../../traffic/active-role.js';
import type { StagingTarget } from '../staging.js';

const serviceKind = { apiVersion: 'v1', kind: 'Service' };

/**
 * Why a role must not be staged: a live Service that the manifests do not have selects its pods beside those that serve, so its
 * users would reach the staged revision. `undefined`: there is none, nothing serves yet, or the Services may not be listed.
 */
export async function furtherServiceRefusal(ctx: RunContext, target: StagingTarget): Promise<CutoverError | undefined> {
  const { deploy, role } = target;
  const { of, shared, publicServices } = deploy.resources;
  const [service, ...others] = publicServices[role] ?? [];
  const serving = servingLabels(target);
  if (service === undefined || serving === undefined) return undefined;
  const named = [...shared, ...Object.values(of).flat(), ...Object.values(publicServices).flat()];
  const known = new Set(named.map(({ object }) => refKey(refOf(object))));
  const staged = (of[role] ?? []).map(({ object }) => object).filter(isDeployment);
  try {
    const live = await servicesBeside(ctx, service.object);
    const problems = live
      .filter(one => !known.has(refKey(refOf(one))) && !isBeingDeleted(one) && selectsAny(selectorOf(one), serving))
      .filter(one => {
        const deployments = staged.filter(object => selects(selectorOf(one), templateLabels(object)));
        return [service, ...others].some(({ object }) => isFurtherService(one, { publicService: object, deployments }));
      })
      .map((one): Problem => ({ message: furtherService(one, service.object), at: service.at }));
    return problems.length === 0 ? undefined : refusalOf(problems);
  } catch (error) {
    const { code, message } = asCutoverError(error);
    if (code !== 'forbidden') throw error;
    ctx.log.warning(`It is not known whether another Service leads its users to what is staged: ${message}`);
    return undefined;
  }
}

/** Labels of the pods that serve; `undefined`: nothing serves yet. */
function servingLabels({ deploy, active, adoption, records }: StagingTarget): readonly Labels[] | undefined {
  if (adoption !== undefined) return adoption.deployments.map(templateLabels);
  if (active.kind === 'none') return undefined;
  return (deploy.state.roles[active.role] ?? records[active.role])?.podLabels;
}

/** The live Services in the namespace of the public one, with that. */
async function servicesBeside({ cluster }: RunContext, service: KubeObject): Promise<readonly KubeObject[]> {
  const { namespace } = refOf(service);
  const found = await cluster.list({ ...serviceKind, ...(namespace !== undefined && { namespace }) });
  // A list names the kind once, for all.
  return found.map(object => ({ ...object, ...serviceKind }));
}

function furtherService(further: KubeObject, service: KubeObject): string {
  const [name, main] = [further, service].map(object => describeRef(refOf(object)));
  return `${name}, which is not in the manifests, routes to the same port of the same pods as ${main}`;
}

function refusalOf(problems: readonly Problem[]): CutoverError {
  return new CutoverError('The users of another Service would reach the staged revision; nothing was changed', {
    code: 'rejected-plan',
    problems,
    hint: 'Only Services of the manifests are switched. Add it to them, or move its ports to a public Service. If its users may reach a staged revision, add it with the annotation cutover/shared: "true".',
  });
}
