import { describe, expect, it } from '@jest/globals';
import { pathOf, valueOf } from '../../../src/cluster/apply/field-path.js';

const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', labels: { app: 'web', 'example.org/tier': 'front', example: 'x' } },
  data: { 'app.conf': 'on', app: 'short' },
  spec: {
    ports: [
      { port: 80, protocol: 'UDP' },
      { port: 80, protocol: 'TCP', nodePort: 31000 },
    ],
    selector: null,
    containers: [{ name: 'a]b.c', image: 'site' }],
  },
};

describe('the path of a field in an API server message', () => {
  it.each([
    ['spec.ports[1].nodePort', ['spec', 'ports', 1, 'nodePort']],
    ['.spec.ports[0]', ['spec', 'ports', 0]],
    ['spec.ports[port=80,protocol="TCP"].nodePort', ['spec', 'ports', 1, 'nodePort']],
    ['metadata.labels[example.org/tier]', ['metadata', 'labels']],
    ['metadata.labels.example.org/tier', ['metadata', 'labels', 'example.org/tier']],
    ['metadata.labels.example.org/other', ['metadata', 'labels', 'example']],
    ['data.app.conf', ['data', 'app.conf']],
    ['data.app', ['data', 'app']],
    ['metadata.constructor', ['metadata']],
    ['spec.containers[name="a]b.c"].image', ['spec', 'containers', 0, 'image']],
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

  it('leads to the value, also below a key with dots', () => {
    expect(valueOf(service, 'data.app.conf')).toBe('on');
    expect(valueOf(service, 'metadata.labels.example.org/tier')).toBe('front');
    expect(valueOf(service, 'data.other.conf')).toBeUndefined();
    expect(valueOf(service, 'data.toString')).toBeUndefined();
  });
});
