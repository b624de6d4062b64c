import { describe, expect, it } from '@jest/globals';
import { pathOf } from '../../../src/cluster/apply/field-path.js';

const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', labels: { app: 'web', 'example.org/tier': 'front' } },
  spec: {
    ports: [
      { port: 80, protocol: 'UDP' },
      { port: 80, protocol: 'TCP', nodePort: 31000 },
    ],
    selector: null,
  },
};

describe('the path of a field in an API server message', () => {
  it.each([
    ['spec.ports[1].nodePort', ['spec', 'ports', 1, 'nodePort']],
    ['.spec.ports[0]', ['spec', 'ports', 0]],
    ['spec.ports[port=80,protocol="TCP"].nodePort', ['spec', 'ports', 1, 'nodePort']],
    ['metadata.labels[example.org/tier]', ['metadata', 'labels']],
    ['spec.ports[port=81,protocol="TCP"].nodePort', ['spec', 'ports']],
    ['spec.ports[7].nodePort', ['spec', 'ports']],
    ['spec.ports[name="x"]', ['spec', 'ports']],
    ['spec.selector.app', ['spec', 'selector']],
    ['spec.type', ['spec']],
    ['spec[name="x"]', ['spec']],
    ['', []],
  ])('%j resolves to %j', (field, path) => {
    expect(pathOf(service, field)).toEqual(path);
  });
});
