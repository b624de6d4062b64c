import type { Problem } from '../../errors.js';
import type { WorkloadOverrides } from '../../inputs/parse/overrides.js';
import { isNone } from '../../inputs/parse/overrides.js';
import { fieldAt, textAt, withField, type Path } from '../../kubernetes/fields.js';
import type { Overridden } from './images.js';
import { groupKind, groupOf } from '../../kubernetes/kinds.js';
import { describeRef, refOf } from '../../kubernetes/object.js';
import type { Resource } from '../resource.js';

/** Kinds whose number of pods is a field that users set. */
const scalable: ReadonlySet<string> = new Set(['apps/Deployment', 'apps/StatefulSet']);
const scalers: ReadonlySet<string> = new Set(['autoscaling/HorizontalPodAutoscaler', 'keda.sh/ScaledObject']);
const replicasPath: Path = ['spec', 'replicas'];

/** The autoscaler among the resources that decides how many pods this workload has. */
function scalerOf({ object }: Resource, resources: readonly Resource[]): Resource | undefined {
  return resources.find(({ object: scaler }) => {
    if (!scalers.has(groupKind(scaler)) || scaler.metadata.namespace !== object.metadata.namespace) return false;
    const target = (name: string): string | undefined => textAt(scaler, ['spec', 'scaleTargetRef', name]);
    // KEDA leaves kind and version out for a Deployment.
    const sameKind = (target('kind') ?? 'Deployment') === object.kind;
    return sameKind && groupOf(target('apiVersion') ?? 'apps/v1') === 'apps' && target('name') === object.metadata.name;
  });
}

/** Sets the number of pods of every Deployment and StatefulSet. One that an autoscaler of the manifests sizes is a problem. */
export function overrideReplicas(resources: readonly Resource[], replicas: number | undefined): Overridden {
  if (replicas === undefined) return { resources, notes: [], problems: [] };
  const notes: string[] = [];
  const problems: Problem[] = [];
  const changed = resources.map(resource => {
    const { object } = resource;
    if (!scalable.has(groupKind(object))) return resource;
    const name = describeRef(refOf(object));
    const scaler = scalerOf(resource, resources);
    if (scaler !== undefined) {
      const message = `${describeRef(refOf(scaler.object))} decides how many pods ${name} has, so the input \`replicas\` cannot; set its minReplicas instead.`;
      problems.push({ message, at: scaler.at });
      return resource;
    }
    return set(resource, { path: replicasPath, value: replicas, notes });
  });
  if (!resources.some(({ object }) => scalable.has(groupKind(object)))) {
    problems.push({ message: 'The input `replicas` is taken by nothing: there is no Deployment or StatefulSet.' });
  }
  return { resources: changed, notes, problems };
}

/** A kind that replaces its pods a few at a time: where it says how, and what it does when nothing is said. */
interface Roller {
  readonly strategy: Path;
  readonly maxSurge: number | string;
  readonly maxUnavailable: number | string;
  /** Whether only one of the two may be more than none. */
  readonly either: boolean;
}

const rollers: Readonly<Record<string, Roller>> = {
  'apps/Deployment': { strategy: ['spec', 'strategy'], maxSurge: '25%', maxUnavailable: '25%', either: false },
  'apps/DaemonSet': { strategy: ['spec', 'updateStrategy'], maxSurge: 0, maxUnavailable: 1, either: true },
};
const shares = ['maxSurge', 'maxUnavailable'] as const;
const inputOf = { maxSurge: 'max-surge', maxUnavailable: 'max-unavailable' } as const;

/** Sets how Deployments and DaemonSets replace their pods. What Kubernetes would refuse is a problem with its reason. */
export function overrideSurge(resources: readonly Resource[], wanted: WorkloadOverrides): Overridden {
  const given = shares.filter(share => wanted[share] !== undefined);
  if (given.length === 0) return { resources, notes: [], problems: [] };
  const inputs = given.map(share => `\`${inputOf[share]}\``).join(' and ');
  const notes: string[] = [];
  const problems: Problem[] = [];
  const changed = resources.map(resource => {
    const roller = rollers[groupKind(resource.object)];
    if (roller === undefined) return resource;
    const name = describeRef(refOf(resource.object));
    const at = resource.place([...roller.strategy, 'type']);
    const type = textAt(resource.object, [...roller.strategy, 'type']);
    if (type !== undefined && type !== 'RollingUpdate') {
      problems.push({ message: `${name} has the strategy ${type}, which has no use for ${inputs}.`, at });
      return resource;
    }
    const base = [...roller.strategy, 'rollingUpdate'];
    const result = given.reduce(
      (sofar, share) => set(sofar, { path: [...base, share], value: wanted[share], notes }),
      resource,
    );
    const none = shares.filter(share => isNone(fieldAt(result.object, [...base, share]) ?? roller[share]));
    if (none.length === 2) {
      const message = `${name} would have maxSurge and maxUnavailable both at 0, so none of its pods could ever be replaced.`;
      problems.push({ message, at });
    }
    if (none.length === 0 && roller.either) {
      const message = `${name} can have either maxSurge or maxUnavailable; set the other one to 0 with ${shares.map(share => `\`${inputOf[share]}\``).join(' or ')}.`;
      problems.push({ message, at });
    }
    return result;
  });
  if (!resources.some(({ object }) => rollers[groupKind(object)] !== undefined)) {
    problems.push({ message: `Nothing takes ${inputs}: there is no Deployment or DaemonSet.` });
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
