/** The image that the manifests of a set run. */
export interface Image {
  readonly repository: string;
  readonly tag: string;
}

/** Manifests, with the names of the Deployments to wait for and of their ConfigMaps. */
export interface ObjectSet {
  readonly title: string;
  readonly manifests: string;
  readonly deployments: readonly string[];
  readonly configMaps: readonly string[];
}

const letters = ['a', 'b', 'c'] as const;

/** The reference set of ten: 1 ServiceAccount, 2 ConfigMaps, 1 Secret, 2 Services, 3 Deployments, 1 HorizontalPodAutoscaler. */
export function referenceSet({ repository, tag }: Image): ObjectSet {
  const own = `      serviceAccountName: web
`;
  const from = `          envFrom: [{configMapRef: {name: config-a}}, {secretRef: {name: web}}]
`;
  return {
    title: 'R10',
    manifests: [
      'apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web}\n',
      configMap('config-a', tag),
      configMap('config-b', '2'),
      'apiVersion: v1\nkind: Secret\nmetadata: {name: web}\nstringData: {PASSWORD: "not shown"}\n',
      service('web-a'),
      service('web-b'),
      ...letters.map(letter => deployment(`web-${letter}`, { image: `${repository}:${tag}`, own, from })),
      `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web-c}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web-c}
  minReplicas: 1
  maxReplicas: 3
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]
`,
    ].join('---\n'),
    deployments: letters.map(letter => `web-${letter}`),
    configMaps: ['config-a', 'config-b'],
  };
}

/** A thousand: 940 ConfigMaps, 30 Services, 30 Deployments of one pod. */
export function thousandObjects({ repository, tag }: Image): ObjectSet {
  const configMaps = numbered('config', 940);
  const deployments = numbered('web', 30);
  return {
    title: '1 000 objects',
    manifests: [
      ...configMaps.map(name => configMap(name, tag)),
      ...deployments.map(name => service(name)),
      ...deployments.map(name => deployment(name, { image: `${repository}:${tag}` })),
    ].join('---\n'),
    deployments,
    configMaps,
  };
}

/** One Deployment of one pod. */
export function singleDeployment(title: string, image: string): ObjectSet {
  return { title, manifests: deployment('web', { image }), deployments: ['web'], configMaps: [] };
}

/**
 * Documents of about 4 KB each: of every five, two are Deployments with a Service and two are ConfigMaps. They contain the
 * placeholders TAG, LEVEL and REPLICAS.
 */
export function manyDocuments(count: number): readonly string[] {
  return Array.from({ length: count }, (_, number) => {
    const name = `app-${Math.floor(number / 5)}`;
    const kinds = [longDeployment(name), longDeployment(`${name}-worker`), service(name), longConfigMap(`${name}-a`)];
    return kinds[number % 5] ?? longConfigMap(`${name}-b`);
  });
}

function longDeployment(name: string): string {
  const env = numbered('SETTING', 55).map(
    setting =>
      `            - name: ${setting.replace('-', '_')}\n              value: "a value of some length, $<LEVEL>"\n`,
  );
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  labels: {app: ${name}, tier: backend}
spec:
  replicas: $<REPLICAS>
  selector:
    matchLabels:
      app: ${name}
  template:
    metadata:
      labels:
        app: ${name}
    spec:
      containers:
        - name: app
          image: registry.test/shop/${name}:\${TAG}
          ports:
            - containerPort: 8080
              name: http
          readinessProbe:
            httpGet: {path: /healthz, port: http}
          resources:
            requests: {cpu: 100m, memory: 128Mi}
            limits: {memory: 256Mi}
          env:
${env.join('')}`;
}

function longConfigMap(name: string): string {
  const lines = numbered('setting', 60).map(setting => `    ${setting} = "some text that a program reads" # $host\n`);
  const pairs = numbered('KEY', 45).map(key => `  ${key}: 'a value of some length'\n`);
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  app.conf: |\n${lines.join('')}${pairs.join('')}`;
}

function numbered(name: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, number) => `${name}-${number}`);
}

function configMap(name: string, level: string): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {LEVEL: "${level}"}\n`;
}

function service(name: string): string {
  return `apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec:
  selector: {app: ${name}}
  ports: [{port: 80, targetPort: 8080}]
`;
}

interface PodSpec {
  readonly image: string;
  /** Further lines of the pod's spec and of its container. */
  readonly own?: string;
  readonly from?: string;
}

function deployment(name: string, { image, own = '', from = '' }: PodSpec): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  replicas: 1
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
${own}      containers:
        - name: site
          image: ${image}
          ports: [{containerPort: 8080}]
${from}          readinessProbe: {httpGet: {path: /readyz, port: 8080}, periodSeconds: 1}
`;
}
