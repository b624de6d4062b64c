import { isIP } from 'node:net';
import { asText, objectAt, objectsAt, textAt, type JsonObject } from '../schema/json.js';
import { duplicateValue, invalidValue, requiredValue, type FieldError } from '../http/status.js';
import { labelErrors, labelNameFault } from './metadata.js';
import { oneOf, portFault } from './values.js';

/** A port as the API server quotes it where two of a Service are alike. */
const quoted = ({ protocol = 'TCP', port = 0 }: JsonObject): JsonObject => ({
  Name: '',
  Protocol: protocol,
  AppProtocol: null,
  Port: port,
  TargetPort: 0,
  NodePort: 0,
});

function portErrors(ports: readonly JsonObject[]): FieldError[] {
  const names = new Set<string>();
  const numbers = new Set<string>();
  const alike: FieldError[] = [];
  const errors = ports.flatMap((port, index) => {
    const field = `spec.ports[${index}]`;
    const name = textAt(port, 'name');
    const found: FieldError[] = [];
    if (name === undefined) {
      if (ports.length > 1) found.push(requiredValue(`${field}.name`));
    } else {
      const fault = labelNameFault(name);
      if (fault !== undefined) found.push(invalidValue(`${field}.name`, name, fault));
      else if (names.has(name)) found.push(duplicateValue(`${field}.name`, name));
      names.add(name);
    }
    const number = `${asText(port.port)}/${asText(port.protocol)}`;
    if (numbers.has(number)) alike.push(duplicateValue(field, quoted(port)));
    numbers.add(number);
    return [
      ...found,
      ...portFault(`${field}.port`, port.port),
      ...oneOf(`${field}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']),
      ...portFault(`${field}.targetPort`, port.targetPort),
    ];
  });
  return [...errors, ...alike];
}

function addressErrors(spec: JsonObject): FieldError[] {
  const address = textAt(spec, 'clusterIP');
  if (address === undefined || address === 'None' || isIP(address) !== 0) return [];
  return [invalidValue('spec.clusterIPs[0]', address, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')];
}

const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];

export function serviceErrors(object: JsonObject): FieldError[] {
  const spec = objectAt(object, 'spec');
  const ports = objectsAt(spec, 'ports');
  if (ports.length === 0 && spec.clusterIP !== 'None' && spec.type !== 'ExternalName') {
    return [requiredValue('spec.ports')];
  }
  const nameless = spec.type === 'ExternalName' && textAt(spec, 'externalName') === undefined;
  return [
    ...(nameless ? [requiredValue('spec.externalName')] : []),
    ...portErrors(ports),
    ...labelErrors(objectAt(spec, 'selector'), 'spec.selector'),
    ...oneOf('spec.sessionAffinity', spec.sessionAffinity, ['ClientIP', 'None']),
    ...addressErrors(spec),
    ...oneOf('spec.type', spec.type, types),
    ...oneOf('spec.externalTrafficPolicy', spec.externalTrafficPolicy, ['Cluster', 'Local']),
  ];
}
