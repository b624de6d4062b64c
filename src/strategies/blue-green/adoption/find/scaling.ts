import { asCutoverError } from '../../../../errors.js';
import { coversPods, isBudget } from '../../../../kubernetes/budget.js';
import { fieldAt, fieldsAt, textAt, withField, type Path } from '../../../../kubernetes/fields.js';
import { groupKind } from '../../../../kubernetes/kinds.js';
import { describeRef, refOf, type KubeObject, type ObjectRef } from '../../../../kubernetes/object.js';
import { hasEnded } from '../../../../kubernetes/pods/pod.js';
import { templateLabels } from '../../../../kubernetes/pods/pod-spec.js';
import { selectorMatches } from '../../../../kubernetes/selectors.js';
import { isOwnedByNoOther } from '../../../../manifests/owner.js';
import { roleName } from '../../../../manifests/roles/copies.js';
import type { RunContext } from '../../../../run/context.js';
import type { Replacement } from '../adoption.js';
import { own } from '../../../../own.js';

/** The twin, and the objects of its role as the manifests have them. */
export interface RoleParts {
  readonly role: string;
  readonly twin: KubeObject;
  readonly rendered: readonly KubeObject[];
}

const autoscalerKind = { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler' };
const budgetKind = { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget' };
const podKind = { apiVersion: 'v1', kind: 'Pod' };
const targetPath: Path = ['spec', 'scaleTargetRef'];

/** What scales a Deployment: its HorizontalPodAutoscalers, or the custom resource that owns one, such as a ScaledObject. */
export async function autoscalersOf(ctx: RunContext, deployment: ObjectRef): Promise<readonly KubeObject[]> {
  const all = await listHere(ctx, autoscalerKind, deployment);
  const found = all.filter(object => {
    const { kind, name } = fieldsAt(object, targetPath);
    return kind === 'Deployment' && name === deployment.name;
  });
  return Promise.all(found.map(async object => (await ownerOf(ctx, object)) ?? object));
}

/** The autoscalers of a Deployment, and those that its twin gets in their place. */
export async function replaceAutoscalers(
  ctx: RunContext,
  deployment: KubeObject,
  { role, twin, rendered }: RoleParts,
): Promise<Replacement> {
  const live = await autoscalersOf(ctx, refOf(deployment));
  warnOfSeveral(ctx, live);
  const { name } = twin.metadata;
  const ofRole = live.slice(0, 1).map(object => {
    const same = rendered.find(
      other => groupKind(other) === groupKind(object) && textAt(other, [...targetPath, 'name']) === name,
    );
    const copy = ownCopy(object, { twin, name: same?.metadata.name ?? roleName(object.metadata.name, role) });
    return withField(copy, [...targetPath, 'name'], name);
  });
  return { live, ofRole };
}

/** The disruption budgets that cover the pods of a Deployment. */
export async function budgetsOf(ctx: RunContext, deployment: KubeObject): Promise<readonly KubeObject[]> {
  const labels = templateLabels(deployment);
  const all = await listHere(ctx, budgetKind, refOf(deployment));
  return all.filter(object => coversPods(object, labels));
}

/**
 * The disruption budgets of a Deployment's pods, and those that the pods of its twin get in their place. A budget that also
 * covers other pods, or that belongs to another release, stays and covers the twin: two budgets for one pod would forbid every
 * eviction.
 */
export async function replaceBudgets(
  ctx: RunContext,
  deployment: KubeObject,
  { role, twin, rendered }: RoleParts,
): Promise<Replacement> {
  const labels = templateLabels(deployment);
  const covering = await budgetsOf(ctx, deployment);
  if (covering.length === 0) return { live: [], ofRole: [] };
  const ownSelector = fieldAt(deployment, ['spec', 'selector']);
  const others = (await listHere(ctx, podKind, refOf(deployment)))
    .filter(pod => !hasEnded(pod))
    .map(({ metadata }) => metadata.labels ?? {})
    .filter(found => !selectorMatches(ownSelector, found));
  const coversOthers = (object: KubeObject): boolean => others.some(found => coversPods(object, found));
  const live = covering.filter(object => !coversOthers(object) && isOwnedByNoOther(object, ctx.records));
  warnOfSeveral(ctx, covering);
  if (live.length < covering.length) return { live, ofRole: [] };
  const roleLabels = Object.entries(templateLabels(twin)).filter(([key, value]) => own(labels, key) !== value);
  const ofRole = live.slice(0, 1).map(object => {
    const same = rendered.find(other => isBudget(other) && coversPods(other, templateLabels(twin)));
    const copy = ownCopy(object, { twin, name: same?.metadata.name ?? roleName(object.metadata.name, role) });
    const path = ['spec', 'selector', 'matchLabels'];
    const narrowed = withField(copy, path, { ...fieldsAt(copy, path), ...Object.fromEntries(roleLabels) });
    return same === undefined ? narrowed : withField(copy, ['spec', 'selector'], fieldAt(same, ['spec', 'selector']));
  });
  return { live, ofRole };
}

/** A live object under another name, as an object of this release. */
function ownCopy(object: KubeObject, { twin, name }: { readonly twin: KubeObject; readonly name: string }): KubeObject {
  const { namespace, labels, annotations } = twin.metadata;
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(labels !== undefined && { labels }),
      ...(annotations !== undefined && { annotations }),
    },
    spec: object['spec'],
  };
}

/** The custom resource that controls an autoscaler; `undefined`: nothing does. */
async function ownerOf(ctx: RunContext, { metadata }: KubeObject): Promise<KubeObject | undefined> {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  if (owner === undefined) return undefined;
  const { namespace } = metadata;
  const { apiVersion, kind, name } = owner;
  return ctx.cluster.get({ apiVersion, kind, name, ...(namespace !== undefined && { namespace }) });
}

/** The objects of a kind in the namespace of another object; none where the API server does not serve the kind. */
async function listHere(
  ctx: RunContext,
  kind: { readonly apiVersion: string; readonly kind: string },
  { namespace }: ObjectRef,
): Promise<readonly KubeObject[]> {
  try {
    const found = await ctx.cluster.list({ ...kind, ...(namespace !== undefined && { namespace }) });
    // A list names the kind once, for all.
    return found.map(object => ({ ...object, ...kind }));
  } catch (error) {
    if (asCutoverError(error).code === 'unknown-kind') return [];
    throw error;
  }
}

function warnOfSeveral({ log }: RunContext, objects: readonly KubeObject[]): void {
  if (objects.length < 2) return;
  const names = objects.map(object => describeRef(refOf(object))).join(', ');
  log.warning(`${names} apply to the same pods, which Kubernetes does not support: the adopted role gets one of them`);
}
