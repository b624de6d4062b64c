import type { Problem } from '../../errors.js';
import type { WorkloadOverrides } from '../../inputs/parse/overrides.js';
import { isNone } from '../../inputs/parse/overrides.js';
import { isAutoscaler, isScaleTarget } from '../../kubernetes/autoscaler.js';
import { fieldAt, textAt, withField, type Path } from '../../kubernetes/fields.js';
import type { OverrideResult } from './images.js';
import { groupKind } from '../../kubernetes/kinds.js';
import { describeRef, refOf } from '../../kubernetes/object.js';
import type { Resource } from '../resource.js';

/** Kinds with `spec.replicas` that Cutover sets. */
const scalable: ReadonlySet<string> = new Set(['apps/Deployment', 'apps/StatefulSet']);
const replicasPath: Path = ['spec', 'replicas'];

/** The autoscaler among the resources that scales this workload. */
function scalerOf({ object }: Resource, resources: readonly Resource[]): Resource | undefined {
  return resources.find(({ object: scaler }) => isAutoscaler(scaler) && isScaleTarget(object, scaler));
}

/** Sets the replicas of every Deployment and StatefulSet. A workload that an autoscaler of the manifests scales is a problem. */
export function overrideReplicas(resources: readonly Resource[], replicas: number | undefined): OverrideResult {
  if (replicas === undefined) return { resources, notes: [], problems: [] };
  const notes: string[] = [];
  const problems: Problem[] = [];
  const changed = resources.map(resource => {
    const { object } = resource;
    if (!scalable.has(groupKind(object))) return resource;
    const name = describeRef(refOf(object));
    const scaler = scalerOf(resource, resources);
    if (scaler !== undefined) {
      const message = `${describeRef(refOf(scaler.object))} scales ${name}, so the input \`replicas\` cannot set its size; set minReplicas of the autoscaler instead.`;
      problems.push({ message, at: scaler.at });
      return resource;
    }
    return set(resource, { path: replicasPath, value: replicas, notes });
  });
  if (!resources.some(({ object }) => scalable.has(groupKind(object)))) {
    problems.push({
      message: 'The input `replicas` has no effect: the manifests contain no Deployment or StatefulSet.',
    });
  }
  return { resources: changed, notes, problems };
}

/** A kind with rolling updates: the path of its update strategy, and the defaults of Kubernetes. */
interface RollingUpdateDefaults {
  readonly strategy: Path;
  readonly maxSurge: number | string;
  readonly maxUnavailable: number | string;
  /** Whether only one of the two may be more than 0. */
  readonly onlyOne: boolean;
}

const rollingUpdateKinds: Readonly<Record<string, RollingUpdateDefaults>> = {
  'apps/Deployment': { strategy: ['spec', 'strategy'], maxSurge: '25%', maxUnavailable: '25%', onlyOne: false },
  'apps/DaemonSet': { strategy: ['spec', 'updateStrategy'], maxSurge: 0, maxUnavailable: 1, onlyOne: true },
};
const limitFields = ['maxSurge', 'maxUnavailable'] as const;
const inputNames = { maxSurge: 'max-surge', maxUnavailable: 'max-unavailable' } as const;

/** Sets maxSurge and maxUnavailable of Deployments and DaemonSets. Values that Kubernetes would reject are problems. */
export function overrideSurge(resources: readonly Resource[], overrides: WorkloadOverrides): OverrideResult {
  const overriddenLimits = limitFields.filter(limit => overrides[limit] !== undefined);
  if (overriddenLimits.length === 0) return { resources, notes: [], problems: [] };
  const inputs = overriddenLimits.map(limit => `\`${inputNames[limit]}\``).join(' and ');
  const notes: string[] = [];
  const problems: Problem[] = [];
  const changed = resources.map(resource => {
    const defaults = rollingUpdateKinds[groupKind(resource.object)];
    if (defaults === undefined) return resource;
    const name = describeRef(refOf(resource.object));
    const at = resource.positionOf([...defaults.strategy, 'type']);
    const type = textAt(resource.object, [...defaults.strategy, 'type']);
    if (type !== undefined && type !== 'RollingUpdate') {
      problems.push({ message: `${name} has the update strategy ${type}, which does not support ${inputs}.`, at });
      return resource;
    }
    const base = [...defaults.strategy, 'rollingUpdate'];
    const result = overriddenLimits.reduce(
      (current, limit) => set(current, { path: [...base, limit], value: overrides[limit], notes }),
      resource,
    );
    const zeroLimits = limitFields.filter(limit => isNone(fieldAt(result.object, [...base, limit]) ?? defaults[limit]));
    if (zeroLimits.length === 2) {
      const message = `${name} would have maxSurge and maxUnavailable both set to 0, so none of its pods could be replaced.`;
      problems.push({ message, at });
    }
    if (zeroLimits.length === 0 && defaults.onlyOne) {
      const message = `${name} can have either maxSurge or maxUnavailable; set the other one to 0 with ${limitFields.map(limit => `\`${inputNames[limit]}\``).join(' or ')}.`;
      problems.push({ message, at });
    }
    return result;
  });
  if (!resources.some(({ object }) => rollingUpdateKinds[groupKind(object)] !== undefined)) {
    problems.push({ message: `No object supports ${inputs}: the manifests contain no Deployment or DaemonSet.` });
  }
  return { resources: changed, notes, problems };
}

function set(
  resource: Resource,
  { path, value, notes }: { readonly path: Path; readonly value: unknown; readonly notes: string[] },
): Resource {
  const before = fieldAt(resource.object, path);
  if (before === value) return resource;
  const from = typeof before === 'number' || typeof before === 'string' ? before : 'not set';
  notes.push(`${describeRef(refOf(resource.object))}: ${String(path.at(-1))} ${from} → ${String(value)}`);
  return { ...resource, object: withField(resource.object, path, value) };
}
