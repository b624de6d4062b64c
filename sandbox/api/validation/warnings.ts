import { asText, objectAt, objectsAt, textAt, type JsonObject } from '../schema/json.js';
import { apiVersionOf, type Kind } from '../schema/kinds.js';
import { finalizersOf, isQualifiedFinalizer } from './metadata.js';

const deprecatedLabels: Readonly<Record<string, string>> = {
  'beta.kubernetes.io/arch': 'kubernetes.io/arch',
  'beta.kubernetes.io/os': 'kubernetes.io/os',
};

function containerWarnings(container: JsonObject, path: string): string[] {
  const variables = new Set<string>();
  const hidden = objectsAt(container, 'env').flatMap((variable, index) => {
    const name = textAt(variable, 'name') ?? '';
    if (!variables.has(name)) {
      variables.add(name);
      return [];
    }
    const where = `${path}.env[${index}]`;
    return [`${where}: hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`];
  });
  const ports = new Map<string, number>();
  const twice = objectsAt(container, 'ports').flatMap((port, index) => {
    const number = `${asText(port.containerPort)}/${asText(port.protocol)}`;
    const first = ports.get(number);
    ports.set(number, first ?? index);
    if (first === undefined) return [];
    return [`${path}.ports[${index}]: duplicate port definition with ${path}.ports[${first}]`];
  });
  return [...hidden, ...twice];
}

function podWarnings(spec: JsonObject, path: string): string[] {
  const labels = Object.keys(objectAt(spec, 'nodeSelector')).flatMap(name => {
    const now = deprecatedLabels[name];
    if (now === undefined) return [];
    return [`${path}.nodeSelector[${name}]: deprecated since v1.14; use ${JSON.stringify(now)} instead`];
  });
  const containers = ['initContainers', 'containers'].flatMap(list =>
    objectsAt(spec, list).flatMap((container, index) => containerWarnings(container, `${path}.${list}[${index}]`)),
  );
  return [...labels, ...containers];
}

function finalizerWarnings(object: JsonObject, before: JsonObject | undefined): string[] {
  const had = new Set(before === undefined ? [] : finalizersOf(before));
  const added = finalizersOf(object).filter(name => !had.has(name) && !isQualifiedFinalizer(name));
  return added.map(
    name =>
      `metadata.finalizers: ${JSON.stringify(name)}: prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts with other finalizer writers`,
  );
}

/** The warnings of the API server about a valid object. `before`: the object that it replaces. */
export function warningsAbout(kind: Kind, object: JsonObject, before?: JsonObject): string[] {
  if (kind.custom) return finalizerWarnings(object, before);
  const spec = objectAt(object, 'spec');
  switch (`${apiVersionOf(kind)}/${kind.kind}`) {
    case 'v1/Endpoints':
      return ['v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice'];
    case 'v1/Service':
      return spec.clusterIP === 'None' && spec.sessionAffinity === 'ClientIP'
        ? ['spec.SessionAffinity is ignored for headless services']
        : [];
    case 'v1/Pod':
      return podWarnings(spec, 'spec');
    default:
      return podWarnings(objectAt(spec, 'template', 'spec'), 'spec.template.spec');
  }
}
