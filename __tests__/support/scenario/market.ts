import type { TestNamespace } from './test-namespace.js';

type Inputs = Readonly<Record<string, string>>;

/** What each Deployment of the market calls, by its name: a shop of eleven services behind one frontend. */
const calls = {
  frontend: ['catalog', 'currency', 'cart', 'recommendation', 'shipping', 'checkout', 'ads'],
  checkout: ['catalog', 'cart', 'currency', 'shipping', 'payment', 'mail'],
  recommendation: ['catalog'],
  cart: ['session'],
  catalog: [],
  currency: [],
  shipping: [],
  payment: [],
  mail: [],
  ads: [],
  session: [],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** The Deployments behind a Service. */
export const marketDeployments = Object.keys(calls);
/** Its Services: one for each Deployment, and one that leads to the frontend from outside. */
export const marketServices = [...marketDeployments, 'frontend-external'];
/** Sends requests to the frontend. No Service leads to it. */
export const marketLoad = 'load';

/** Eleven services that call each other, one of them with two Services, and a load generator without any. */
export const market = {
  bring: (ns: TestNamespace): Promise<void> => ns.write({ 'market.yml': manifestsFor(ns) }),
  stage: (version: string, more: Inputs = {}): Inputs => ({
    manifests: 'market.yml',
    strategy: 'blue-green',
    release: 'market',
    service: marketServices.join('\n'),
    variables: `VERSION=${version}`,
    verify: '- http: /\n  contains: site $<VERSION>\n',
    'stable-for': '100ms',
    ...more,
  }),
  promote: (): Inputs => ({ action: 'promote', release: 'market', drain: '0s' }),
  rollback: (): Inputs => ({ action: 'rollback', release: 'market', drain: '0s', 'stable-for': '100ms' }),
};

function manifestsFor({ cluster: { images, pace } }: TestNamespace): string {
  const pods = (name: string, callees: readonly string[]): string => `  template:
    metadata: {labels: {app: ${name}}}
    spec:
      containers:
        - name: site
          image: ${images.site}:\${VERSION}
          ports: [{name: http, containerPort: 8080}]
          env: [${callees.map(one => `{name: ${one.toUpperCase()}_ADDR, value: "${one}:80"}`).join(', ')}]
          readinessProbe: {httpGet: {path: /readyz, port: http}, ${pace.probe}}
`;
  const deployment = (name: string, callees: readonly string[], metadata = `{name: ${name}}`): string =>
    `apiVersion: apps/v1
kind: Deployment
metadata: ${metadata}
spec:
  replicas: 1
  selector: {matchLabels: {app: ${name}}}
${pods(name, callees)}`;
  const service = (name: string, app: string, type: string): string => `apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec: {type: ${type}, selector: {app: ${app}}, ports: [{port: 80, targetPort: http}]}
`;
  return [
    ...Object.entries(calls).flatMap(([name, callees]) => [
      deployment(name, callees),
      // Users of the tests reach it from outside, too.
      service(name, name, name === 'cart' ? 'NodePort' : 'ClusterIP'),
    ]),
    service('frontend-external', 'frontend', 'NodePort'),
    deployment(marketLoad, ['frontend'], `{name: ${marketLoad}, annotations: {cutover/shared: "false"}}`),
  ].join('---\n');
}
