import { Agent, get } from 'node:http';
import type { TestNamespace } from './test-namespace.js';

type Inputs = Readonly<Record<string, string>>;

/** The size of an application whose pods let the requests that they have accepted end. */
export interface ConnectedShape {
  readonly replicas: number;
  /** `terminationGracePeriodSeconds`. */
  readonly graceSeconds: number;
}

/** A site with roles whose users keep connections open. */
export const connected = {
  service: 'connected',
  bring: (ns: TestNamespace, shape: ConnectedShape): Promise<void> => ns.write({ 'app.yml': manifest(ns, shape) }),
  stage: (version: string, more: Inputs = {}): Inputs => ({
    strategy: 'blue-green',
    manifests: 'app.yml',
    variables: `VERSION=${version}`,
    'stable-for': '200ms',
    ...more,
  }),
  release: (version: string, more: Inputs = {}): Inputs => connected.stage(version, { switch: 'auto', ...more }),
  promote: (more: Inputs = {}): Inputs => ({ action: 'promote', release: 'connected', ...more }),
  rollback: (more: Inputs = {}): Inputs => ({
    ...{ action: 'rollback', release: 'connected', 'stable-for': '200ms' },
    ...more,
  }),
};

function manifest({ cluster: { images, pace } }: TestNamespace, { replicas, graceSeconds }: ConnectedShape): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: {name: "connected-\${TARGET_ROLE}"}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: connected, role: "\${TARGET_ROLE}"}}
  template:
    metadata: {labels: {app: connected, role: "\${TARGET_ROLE}"}}
    spec:
      terminationGracePeriodSeconds: ${graceSeconds}
      containers:
        - name: site
          image: ${images.site}:\${VERSION}
          ports: [{containerPort: 8080}]
          env: [{name: GRACE, value: 1s}]
          readinessProbe: {httpGet: {path: /readyz, port: 8080}, ${pace.probe}}
---
apiVersion: v1
kind: Service
metadata: {name: connected}
spec:
  type: NodePort
  selector: {app: connected, role: "\${TARGET_ROLE}"}
  ports: [{port: 80, targetPort: 8080}]
`;
}

/** A client with one connection that it keeps open. */
export interface KeptAliveClient {
  /** The answer to one request, on the connection that is open; on a new one if the server has closed it. */
  ask(path: string): Promise<string>;
  close(): void;
}

export function keptAliveClient(url: string): KeptAliveClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    ask: path =>
      new Promise((resolve, reject) => {
        const request = get(new URL(path, url), { agent }, response => {
          const parts: Buffer[] = [];
          response.on('data', (part: Buffer) => parts.push(part));
          response.on('end', () => resolve(`${response.statusCode} ${Buffer.concat(parts).toString('utf8').trim()}`));
          response.on('error', reject);
        });
        request.on('error', reject);
      }),
    close: () => agent.destroy(),
  };
}
