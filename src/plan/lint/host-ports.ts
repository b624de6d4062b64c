import { fieldAt, isFields, listAt, textAt, type Path } from '../../kubernetes/fields.js';
import { resolveIntOrPercent } from '../../kubernetes/int-or-percent.js';
import { groupKind } from '../../kubernetes/kinds.js';
import { lastingContainers, podSpecPath } from '../../kubernetes/pods/pod-spec.js';
import type { Resource } from '../../manifests/resource.js';
import { leastReplicas, nameOf } from './context.js';
import { unavailableOf } from './replicas.js';
import type { LintContext, Rule, Violation } from './rule.js';

/** A port that a pod takes on its node, and its field. */
interface HostPort {
  readonly port: number;
  readonly path: Path;
}

const remedy = 'Set maxSurge to 0 and maxUnavailable to 1, or leave out the host port and use a Service.';

/** Workloads with a host port whose new pods must start while the old ones run. The roles of a blue/green release have none. */
export const hostPortSurge: Rule = context =>
  context.resources.flatMap((resource): readonly Violation[] => {
    const [taken] = hostPortsOf(resource);
    if (taken === undefined || !startsBesideOld(context, resource)) return [];
    const { port, path } = taken;
    const name = nameOf(resource);
    const message = `Pods of ${name} take port ${port} of their node, and a rolling update starts a new pod before it ends an old one: the new pod starts only on a node that has no pod of ${name}.`;
    return [{ resource, path, message, remedy }];
  });

/** The ports of the node that each pod takes. With the node's own network, every port of a container is one. */
function hostPortsOf(resource: Resource): readonly HostPort[] {
  const { object } = resource;
  const isOnNode = fieldAt(object, [...(podSpecPath(object) ?? []), 'hostNetwork']) === true;
  return lastingContainers(object).flatMap(({ fields, path }) =>
    listAt(fields, ['ports']).flatMap((declared, index): HostPort[] => {
      if (!isFields(declared)) return [];
      const key = isOnNode && declared['hostPort'] === undefined ? 'containerPort' : 'hostPort';
      const port = declared[key];
      return typeof port === 'number' && port > 0 ? [{ port, path: [...path, 'ports', index, key] }] : [];
    }),
  );
}

/** Whether an update ends no old pod before a new one is ready. */
function startsBesideOld(context: LintContext, resource: Resource): boolean {
  const { object } = resource;
  const kind = groupKind(object);
  if (kind === 'apps/DaemonSet') {
    const surge = fieldAt(object, ['spec', 'updateStrategy', 'rollingUpdate', 'maxSurge']);
    return (resolveIntOrPercent(surge, 100, 'up') ?? 0) > 0;
  }
  if (kind !== 'apps/Deployment' || textAt(object, ['spec', 'strategy', 'type']) === 'Recreate') return false;
  const replicas = leastReplicas(context, resource);
  return replicas > 0 && unavailableOf(object, replicas) === 0;
}
