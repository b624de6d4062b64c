import { describe, expect, it } from '@jest/globals';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { firstPort, resolvePorts } from '../../src/verify/endpoint.js';

const service = (...ports: object[]): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { ports },
});

const deployment = (spec: object): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { template: { spec } },
});

const web = deployment({
  containers: [
    {
      name: 'app',
      ports: [
        { name: 'dns', containerPort: 53, protocol: 'UDP' },
        { name: 'web', containerPort: 8080 },
      ],
    },
    { name: 'metrics', ports: [{ name: 'metrics', containerPort: 9100, protocol: 'TCP' }] },
  ],
  initContainers: [{ name: 'mesh', restartPolicy: 'Always', ports: [{ name: 'mesh', containerPort: 15001 }] }],
});

describe('the port behind a Service', () => {
  it.each([
    ['is its targetPort', service({ port: 80, targetPort: 8080 }), { servicePort: 80, podPort: 8080 }],
    ['is its port where no targetPort is set', service({ port: 8080 }), { servicePort: 8080, podPort: 8080 }],
    [
      'is looked up by name in the pod template',
      service({ port: 80, targetPort: 'web' }),
      { servicePort: 80, podPort: 8080 },
    ],
    ['is found in any container', service({ port: 1, targetPort: 'metrics' }), { servicePort: 1, podPort: 9100 }],
    ['is found in a sidecar', service({ port: 1, targetPort: 'mesh' }), { servicePort: 1, podPort: 15001 }],
    ['may be a number written as text', service({ port: 80, targetPort: '8080' }), { servicePort: 80, podPort: 8080 }],
    [
      'is that of the port named http where there are several',
      service({ name: 'metrics', port: 9100 }, { name: 'http', port: 80, targetPort: 'web' }),
      { servicePort: 80, podPort: 8080 },
    ],
    [
      'is that of the first TCP port otherwise',
      service({ name: 'dns', port: 53, protocol: 'UDP' }, { name: 'a', port: 81 }, { name: 'b', port: 82 }),
      { servicePort: 81, podPort: 81 },
    ],
  ])('%s', (_, given, ports) => {
    expect(resolvePorts(given, web)).toEqual(ports);
  });

  it('is unknown for a Service without TCP ports', () => {
    expect(resolvePorts(service({ port: 53, protocol: 'UDP' }), web)).toBeUndefined();
  });

  it('is an error when no container declares the name, and the hint lists the names that exist', () => {
    expect(() => resolvePorts(service({ port: 80, targetPort: 'http' }), web)).toThrow(
      expect.objectContaining({
        code: 'manifest',
        message: 'Service shop/web routes to a port named "http", which no container of Deployment shop/web declares',
        hint: 'Set targetPort to the number or name of a container port. Available names: web, metrics, mesh.',
      }),
    );
  });
});

describe('a workload without a Service', () => {
  it('is checked on the first TCP port that it declares', () => {
    expect(firstPort(web)).toBe(8080);
  });

  it('has no port when it declares none', () => {
    expect(firstPort(deployment({ containers: [{ name: 'worker' }] }))).toBeUndefined();
  });
});
