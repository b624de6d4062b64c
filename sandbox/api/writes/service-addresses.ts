import { erase, nameOf, objectAt, objectsAt, textAt, type JsonObject, type JsonValue } from '../schema/json.js';
import { forbiddenValue, invalidValue, type FieldError } from '../http/status.js';

const lowest = 30000;
const highest = 32767;

const needsNodePort = (spec: JsonObject): boolean =>
  spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);

/** What {@link allocateAddresses} looks at. */
export interface Allocation {
  /** The Service to be stored; changed in place. */
  readonly service: JsonObject;
  /** Its stored state; absent for a new one. */
  readonly before?: JsonObject;
  /** Whether nothing is stored: then the range of node ports is not looked at, as on a real cluster. */
  readonly dryRun: boolean;
  /** All stored Services. */
  readonly services: readonly JsonObject[];
}

/**
 * Gives a Service its cluster IP and node ports as a real API server does: kept from the stored state where the new one
 * is silent, free ones otherwise. Returns what is wrong with those that were asked for.
 */
export function allocateAddresses({ service, before, services, dryRun }: Allocation): FieldError[] {
  const spec = objectAt(service, 'spec');
  const old = objectAt(before, 'spec');
  const self = nameOf(service);
  const others = services.filter(other => {
    const { name, namespace } = nameOf(other);
    return name !== self.name || namespace !== self.namespace;
  });
  if (spec.type === 'ExternalName') {
    for (const name of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy']) erase(spec, name);
    return [];
  }
  const addresses = clusterAddress(spec, old, others);
  const errors = [...addresses, ...nodePorts(spec, old, { others, dryRun })];
  healthCheckPort(spec, old, others);
  return errors;
}

const isChecked = (spec: JsonObject): boolean => spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';

/** The port at which a load balancer asks a node for local endpoints. */
function healthCheckPort(spec: JsonObject, old: JsonObject, others: readonly JsonObject[]): void {
  if (!isChecked(spec)) {
    if (spec.healthCheckNodePort === old.healthCheckNodePort) erase(spec, 'healthCheckNodePort');
    return;
  }
  spec.healthCheckNodePort ??= old.healthCheckNodePort ?? freePort(takenPorts([{ spec }, ...others]), highest);
}

/** Node ports of Services, those for health checks among them. */
function takenPorts(services: readonly JsonObject[]): Set<JsonValue | undefined> {
  return new Set(
    services.flatMap(service => [
      objectAt(service, 'spec').healthCheckNodePort,
      ...objectsAt(service, 'spec', 'ports').map(port => port.nodePort),
    ]),
  );
}

/** The first free port from `first` on, and from the lowest after the highest. */
function freePort(taken: ReadonlySet<JsonValue | undefined>, first: number): number {
  let chosen = first;
  while (taken.has(chosen)) chosen = chosen === highest ? lowest : chosen + 1;
  return chosen;
}

function clusterAddress(spec: JsonObject, old: JsonObject, others: readonly JsonObject[]): FieldError[] {
  const had = textAt(old, 'clusterIP');
  const asked = textAt(spec, 'clusterIP');
  if (had !== undefined && asked !== undefined && asked !== had) {
    return [invalidValue('spec.clusterIPs[0]', [asked], 'may not change once set')];
  }
  const taken = new Set(others.map(other => objectAt(other, 'spec').clusterIP));
  if (asked !== undefined && asked !== 'None' && taken.has(asked)) {
    const why = `failed to allocate IP ${asked}: provided IP is already allocated`;
    return [invalidValue('spec.clusterIPs', [asked], why)];
  }
  const address = had ?? asked ?? freeAddress(taken);
  spec.clusterIP = address;
  spec.clusterIPs = [address];
  spec.ipFamilies ??= ['IPv4'];
  spec.ipFamilyPolicy ??= 'SingleStack';
  return [];
}

function freeAddress(taken: ReadonlySet<unknown>): string {
  for (let index = 10; ; index += 1) {
    const address = `10.96.${Math.floor(index / 250)}.${(index % 250) + 1}`;
    if (!taken.has(address)) return address;
  }
}

function nodePorts(
  spec: JsonObject,
  old: JsonObject,
  { others, dryRun }: { readonly others: readonly JsonObject[]; readonly dryRun: boolean },
): FieldError[] {
  const ports = objectsAt(spec, 'ports');
  const oldPorts = objectsAt(old, 'ports');
  const errors: FieldError[] = [];
  if (!needsNodePort(spec)) {
    if (old.externalTrafficPolicy !== undefined) erase(spec, 'externalTrafficPolicy');
    const had = new Set(oldPorts.map(port => port.nodePort));
    ports.forEach((port, index) => {
      if (port.nodePort === undefined) return;
      if (had.has(port.nodePort)) erase(port, 'nodePort');
      else if (port.nodePort !== 0) {
        errors.push(forbiddenValue(`spec.ports[${index}].nodePort`, "may not be used when `type` is 'ClusterIP'"));
      }
    });
    return errors;
  }
  const taken = takenPorts(others);
  ports.forEach((port, index) => {
    const asked = port.nodePort;
    if (typeof asked !== 'number' || asked === 0) return;
    const field = `spec.ports[${index}].nodePort`;
    if (asked < lowest || asked > highest) {
      if (dryRun) return;
      const why = `provided port is not in the valid range. The range of valid ports is ${lowest}-${highest}`;
      errors.push(invalidValue(field, asked, why));
    } else if (taken.has(asked)) errors.push(invalidValue(field, asked, 'provided port is already allocated'));
    taken.add(asked);
  });
  for (const port of ports) {
    if (typeof port.nodePort === 'number' && port.nodePort !== 0) continue;
    const kept = oldPorts.find(candidate => candidate.name === port.name)?.nodePort;
    const chosen = freePort(taken, typeof kept === 'number' && !taken.has(kept) ? kept : 31700);
    port.nodePort = chosen;
    taken.add(chosen);
  }
  return errors;
}
