import { describe, expect, it } from '@jest/globals';
import type { KubeObject } from '../../../src/kubernetes/object.js';
import type { LintContext } from '../../../src/plan/lint/rule.js';
import { silenceAnnotation } from '../../../src/plan/lint/finding.js';
import { lintResources } from '../../../src/plan/lint/lint.js';
import { findingCodes, type FindingCode } from '../../../src/plan/lint/rules.js';
import { only, rollingContext, stagingContext, withLive } from '../../support/lint-contexts.js';

/** A workload without a finding. */
const web = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 30
      containers:
        - name: web
          image: ghcr.io:5000/acme/web:1.4.2
          ports: [{name: http, containerPort: 8080}]
          readinessProbe: {httpGet: {path: /, port: http}}
          lifecycle: {preStop: {sleep: {seconds: 5}}}
---
`;
const service = `apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
---
`;
const served = web + service;
const hook = '          lifecycle: {preStop: {sleep: {seconds: 5}}}\n';
/** The requests reach a sidecar among the init containers, which passes them on to the container `web`. */
const behindProxy = (ofWeb: string): string =>
  served
    .replace(hook, ofWeb)
    .replace('ports: [{name: http, containerPort: 8080}]', 'ports: [{name: page, containerPort: 9090}]')
    .replace('      containers:\n', `      initContainers:\n        - ${proxy}\n      containers:\n`);
const proxy =
  '{name: proxy, image: "proxy:1", restartPolicy: Always, ports: [{name: http, containerPort: 8080}], readinessProbe: {tcpSocket: {port: http}}}';
const surging = '{type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}';
/** The manifests with a port of the node. */
const onNode = (text: string): string => text.replace('containerPort: 8080', 'containerPort: 8080, hostPort: 8080');
const daemons = (update: string): string =>
  web
    .replace('kind: Deployment', 'kind: DaemonSet')
    .replace('  replicas: 2\n', '')
    .replace(/strategy: .*/, `updateStrategy: {rollingUpdate: {${update}}}`);
const misspelt = served.replace('selector: {app: web}, ports', 'selector: {app: wbe}, ports');
/** The context of a first deploy. */
const asNew = (context: LintContext): LintContext => ({
  ...context,
  planned: context.resources.map(resource => ({ resource, change: 'created' })),
});
const scaler = (most: number, least = 2): string => `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: ${least}
  maxReplicas: ${most}
---
`;
const budget = (rule: string, app = 'web'): string => `apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec:
  ${rule}
  selector: {matchLabels: {app: ${app}}}
---
`;
const config = (value: string): string => `apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data: {key: ${value}}
---
`;
const reading =
  web.replace('          image:', '          envFrom: [{configMapRef: {name: web}}]\n          image:') + service;
const roles = served
  .replaceAll('{app: web}', '{app: web, role: $<TARGET_ROLE>}')
  .replace('{name: web}', '{name: web-$<TARGET_ROLE>}');
const ingress = (annotation: string): string => `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: front, annotations: {${annotation}}}
spec: {rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}
---
`;
const binding = (type: string): string => `apiVersion: elbv2.k8s.aws/v1beta1
kind: TargetGroupBinding
metadata: {name: front}
spec:
  serviceRef: {name: web, port: 80}
  targetType: ${type}
---
`;
const annotated = (annotation: string): string =>
  roles.replace(
    'kind: Service\nmetadata: {name: web}',
    `kind: Service\nmetadata: {name: web, annotations: {${annotation}}}`,
  );

const local = (manifests: string): string =>
  manifests.replace('ports: [{port: 80', 'type: NodePort, externalTrafficPolicy: Local, ports: [{port: 80');
const headless = (selector: string): string => `apiVersion: v1
kind: Service
metadata: {name: peers}
spec: {clusterIP: None, selector: {${selector}}, ports: [{port: 80}]}
---
`;

/** The live object that a manifest's kind became, with other fields. */
const live = (context: LintContext, kind: string, more: Record<string, unknown>): KubeObject => {
  const { object } = only(context, kind);
  return { ...object, ...more, spec: { ...(object['spec'] as object), ...(more['spec'] as object | undefined) } };
};
const withPorts = (context: LintContext, ports: readonly object[]): LintContext =>
  withLive(context, 'Service', { change: 'changed', live: live(context, 'Service', { spec: { ports } }) });
const withReplicas = (context: LintContext, replicas: number): LintContext =>
  withLive(context, 'Deployment', { change: 'changed', live: live(context, 'Deployment', { spec: { replicas } }) });
const withReady = (context: LintContext, readyReplicas: number): LintContext => {
  const ready = withLive(context, 'Deployment', {
    change: 'changed',
    live: live(context, 'Deployment', { status: { readyReplicas } }),
  });
  return withLive(ready, 'Service', { change: 'unchanged', live: only(context, 'Service').object });
};
const withConfig = (context: LintContext, deployment: 'unchanged' | 'changed'): LintContext => {
  const before = live(context, 'Deployment', {});
  const changed = withLive(context, 'ConfigMap', {
    change: 'changed',
    live: { ...only(context, 'ConfigMap').object, data: { key: 'old' } },
  });
  const after = deployment === 'changed' ? live(context, 'Deployment', { spec: { template: {} } }) : before;
  return withLive(changed, 'Deployment', { change: deployment, live: before, after });
};

interface Row {
  readonly code: FindingCode;
  readonly what: string;
  readonly context: () => LintContext;
  /** The line of the manifest; absent: nothing is found. */
  readonly line?: number;
}
const row = (
  ...[code, what, context, line]: readonly [FindingCode, string, string | (() => LintContext), number?]
): Row => ({
  code,
  what,
  context: typeof context === 'string' ? () => rollingContext(context) : context,
  ...(line !== undefined && { line }),
});
const labels = 'metadata: {labels: {app: web}}';
const moreLabels = 'metadata: {labels: {app: web, tier: front}}';
/** The manifests over what serves now: the same application, whose pods have these labels. */
const over = (text: string, runningLabels = labels): LintContext => {
  const running = rollingContext(served.replace(labels, runningLabels));
  const context = withLive(rollingContext(text), 'Deployment', {
    change: 'changed',
    live: only(running, 'Deployment').object,
  });
  return withLive(context, 'Service', { change: 'changed', live: only(running, 'Service').object });
};
const change = (from: string, to: string): string => {
  if (!served.includes(from)) throw new Error(`the manifest has no ${from}`);
  return served.replace(from, to);
};

const rows: readonly Row[] = [
  row('single-replica', 'one replica', change('replicas: 2', 'replicas: 1'), 5),
  row('single-replica', 'no replicas, which means one', change('  replicas: 2\n', ''), 4),
  row('single-replica', 'none at all, on purpose', change('replicas: 2', 'replicas: 0')),
  row('single-replica', 'one replica that no Service routes to', web.replace('replicas: 2', 'replicas: 1')),
  row('single-replica', 'no replicas in the manifest, and three live', () =>
    withReplicas(rollingContext(change('  replicas: 2\n', '')), 3),
  ),
  row('single-replica', 'an autoscaler that may leave one', served + scaler(5, 1), 29),
  row(
    'single-replica',
    'one replica and an autoscaler that keeps two',
    change('replicas: 2', 'replicas: 1') + scaler(5),
  ),
  row('no-readiness-probe', 'no probe', change('          readinessProbe: {httpGet: {path: /, port: http}}\n', ''), 13),
  row(
    'no-readiness-probe',
    'a sidecar without a probe that no Service leads to',
    change('      containers:\n', '      containers:\n        - {name: log, image: "log:1"}\n'),
  ),
  row('no-pre-stop', 'no hook', change('          lifecycle: {preStop: {sleep: {seconds: 5}}}\n', ''), 13),
  row('no-pre-stop', 'no hook in the manifest, but one by `pre-stop`', () =>
    rollingContext(change('          lifecycle: {preStop: {sleep: {seconds: 5}}}\n', ''), { preStopSeconds: 5 }),
  ),
  row('no-pre-stop', 'a sidecar that no hook of its own holds, but that of the container behind it', behindProxy(hook)),
  row('no-pre-stop', 'a sidecar, and the container behind it without a hook', behindProxy(''), 15),
  row('short-grace-period', 'a hook that takes all of the grace', change('{seconds: 5}', '{seconds: 30}'), 11),
  row(
    'short-grace-period',
    'a command that sleeps too long',
    change('{sleep: {seconds: 5}}', '{exec: {command: [sh, -c, sleep 28]}}'),
    11,
  ),
  row('short-grace-period', 'hardly any grace', change('PeriodSeconds: 30', 'PeriodSeconds: 7'), 11),
  row('short-grace-period', 'grace that is just enough', change('PeriodSeconds: 30', 'PeriodSeconds: 10')),
  row('all-unavailable', 'both of two pods', change('maxUnavailable: 0', 'maxUnavailable: 2'), 6),
  row('all-unavailable', 'all of them, in percent', change('maxUnavailable: 0', 'maxUnavailable: 100%'), 6),
  row('all-unavailable', 'half of them', change('maxUnavailable: 0', 'maxUnavailable: 50%')),
  row(
    'all-unavailable',
    'what Kubernetes assumes',
    change('  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}\n', ''),
  ),
  row(
    'all-unavailable',
    'the one pod that there is, where no other may be made first',
    change('replicas: 2', 'replicas: 1').replace('maxSurge: 1', 'maxSurge: 0'),
    6,
  ),
  row('all-unavailable', 'the pods of the idle role', () =>
    stagingContext(roles.replace('maxUnavailable: 0', 'maxUnavailable: 2')),
  ),
  row(
    'recreate-strategy',
    'Recreate',
    change('{type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}', '{type: Recreate}'),
    6,
  ),
  row('recreate-strategy', 'Recreate on the idle role', () =>
    stagingContext(
      roles.replace('{type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}', '{type: Recreate}'),
    ),
  ),
  row('host-port-surge', 'a port of the node, and no pod is taken away first', onNode(served), 15),
  row(
    'host-port-surge',
    'the network of the node',
    change('      containers:', '      hostNetwork: true\n      containers:'),
    16,
  ),
  row(
    'host-port-surge',
    'what Kubernetes assumes for two pods',
    onNode(served.replace(`  strategy: ${surging}\n`, '')),
    14,
  ),
  row(
    'host-port-surge',
    'one pod that is taken away first',
    onNode(served.replace('maxSurge: 1, maxUnavailable: 0', 'maxSurge: 0, maxUnavailable: 1')),
  ),
  row('host-port-surge', 'all pods that are stopped first', onNode(served.replace(surging, '{type: Recreate}'))),
  row(
    'host-port-surge',
    'a DaemonSet whose new pods start first',
    () => rollingContext(onNode(daemons('maxSurge: 1'))),
    14,
  ),
  row('host-port-surge', 'a DaemonSet whose old pods end first', () =>
    rollingContext(onNode(daemons('maxUnavailable: 1'))),
  ),
  row('budget-blocks-evictions', 'no eviction allowed', served + budget('maxUnavailable: 0'), 28),
  row('budget-blocks-evictions', 'all must be available', served + budget('minAvailable: 100%'), 28),
  row('budget-blocks-evictions', 'as many must be available as there are', served + budget('minAvailable: 2'), 28),
  row('budget-blocks-evictions', 'one eviction allowed', served + budget('maxUnavailable: 1')),
  row(
    'budget-blocks-evictions',
    'as many must stay as there may be elsewhere',
    served + budget('minAvailable: 2', 'other'),
  ),
  row('budget-blocks-evictions', 'half of two must be available', served + budget('minAvailable: 50%')),
  row('budget-blocks-evictions', 'as many must be available as one of two roles has', () =>
    stagingContext(roles + budget('minAvailable: 2')),
  ),
  row('budget-allows-all', 'none must be available', served + budget('minAvailable: 0'), 28),
  row('budget-allows-all', 'all may be evicted', served + budget('maxUnavailable: 2'), 28),
  row('budget-allows-all', 'one of two may be evicted', served + budget('maxUnavailable: 1')),
  row('moving-tag', 'latest', change(':1.4.2', ':latest'), 14),
  row('moving-tag', 'no tag, behind a port', change('web:1.4.2', 'web'), 14),
  row('moving-tag', 'a branch', change(':1.4.2', ':main'), 14),
  row('moving-tag', 'latest with a digest', change(':1.4.2', `:latest@sha256:${'a'.repeat(64)}`)),
  row('moving-tag', 'a version', served),
  row('selector-mismatch', 'another label', change('matchLabels: {app: web}', 'matchLabels: {app: www}'), 7),
  row(
    'selector-mismatch',
    'an expression that does not hold',
    change('{matchLabels: {app: web}}', '{matchExpressions: [{key: app, operator: NotIn, values: [web]}]}'),
    7,
  ),
  row(
    'selector-mismatch',
    'expressions that hold',
    change(
      '{matchLabels: {app: web}}',
      '{matchExpressions: [{key: app, operator: In, values: [web]}, {key: app, operator: Exists}, {key: x, operator: DoesNotExist}]}',
    ),
  ),
  row('unknown-target-port', 'a name that no container has', change('targetPort: http', 'targetPort: https'), 22),
  row('unknown-target-port', 'a number that no container has', change('targetPort: http', 'targetPort: 8081'), 22),
  row(
    'unknown-target-port',
    'a number, where containers declare none',
    change('          ports: [{name: http, containerPort: 8080}]\n', '').replace(
      'targetPort: http',
      'targetPort: 8081',
    ),
  ),
  row(
    'unknown-target-port',
    'pods of somebody else',
    change('selector: {app: web}, ports', 'selector: {app: other}, ports'),
  ),
  row(
    'selects-no-pod',
    'the live Service leads to the workload',
    () => {
      const context = rollingContext(change('selector: {app: web}, ports', 'selector: {app: wbe}, ports'));
      const front = only(context, 'Service').object;
      const before = { ...front, spec: { ...(front['spec'] as object), selector: { app: 'web' } } };
      const workload = only(context, 'Deployment').object;
      const unchanged = withLive(context, 'Deployment', { change: 'unchanged', live: workload });
      return withLive(unchanged, 'Service', { change: 'changed', live: before });
    },
    22,
  ),
  row('selects-no-pod', 'a new Service', () => asNew(rollingContext(misspelt)), 22),
  row('selects-no-pod', 'a new Service, and a custom resource that may bring its pods', () =>
    asNew(rollingContext(`${misspelt}apiVersion: db.example.com/v1\nkind: Cluster\nmetadata: {name: wbe}\n`)),
  ),
  row('selects-no-pod', 'a live Service that never led to the workload', () => {
    const context = rollingContext(misspelt);
    return withLive(context, 'Service', { change: 'unchanged', live: only(context, 'Service').object });
  }),
  row('selects-no-pod', 'a Service without a selector', () =>
    asNew(rollingContext(change('selector: {app: web}, ports', 'ports'))),
  ),
  row(
    'service-before-pods',
    'a label that only the new pods have',
    () =>
      over(
        change('selector: {app: web}, ports', 'selector: {app: web, tier: front}, ports').replace(labels, moreLabels),
      ),
    22,
  ),
  row('service-before-pods', 'a label that the pods have already', () =>
    over(
      change('selector: {app: web}, ports', 'selector: {app: web, tier: front}, ports').replace(labels, moreLabels),
      moreLabels,
    ),
  ),
  row(
    'service-before-pods',
    'a port that only the new pods have',
    () => over(change('targetPort: http', 'targetPort: 9090').replace('containerPort: 8080', 'containerPort: 9090')),
    22,
  ),
  row('service-before-pods', 'another number of a port with the same name', () =>
    over(change('containerPort: 8080', 'containerPort: 9090')),
  ),
  row('service-before-pods', 'a new Service', () =>
    asNew(
      rollingContext(
        change('selector: {app: web}, ports', 'selector: {app: web, tier: front}, ports').replace(labels, moreLabels),
      ),
    ),
  ),
  row(
    'renamed-service-port',
    'a port gets a name',
    () => withPorts(rollingContext(change('ports: [{port', 'ports: [{name: web, port')), [{ port: 80 }]),
    22,
  ),
  row(
    'renamed-service-port',
    'a port of the public Service gets another name',
    () =>
      withPorts(stagingContext(roles.replace('ports: [{port', 'ports: [{name: web, port')), [
        { name: 'http', port: 80, protocol: 'TCP', nodePort: 30_080 },
      ]),
    22,
  ),
  row('renamed-service-port', 'the same port, and another one that is gone', () =>
    withPorts(rollingContext(change('ports: [{port', 'ports: [{name: web, port')), [
      { name: 'web', port: 80, protocol: 'TCP' },
      { name: 'admin', port: 81, protocol: 'TCP' },
    ]),
  ),
  row('renamed-service-port', 'another number or protocol is another port', () =>
    withPorts(rollingContext(change('ports: [{port', 'ports: [{name: web, port')), [
      { name: 'http', port: 8080 },
      { name: 'dns', port: 80, protocol: 'UDP' },
    ]),
  ),
  row('renamed-service-port', 'a headless Service', () =>
    withPorts(rollingContext(change('ports: [{port', 'clusterIP: None, ports: [{name: web, port')), [{ port: 80 }]),
  ),
  row('renamed-service-port', 'a new Service', () => asNew(rollingContext(served))),
  row('no-ready-endpoint', 'no pod is ready', () => withReady(rollingContext(served), 0), 22),
  row('no-ready-endpoint', 'one is', () => withReady(rollingContext(served), 1)),
  row('no-ready-endpoint', 'nothing is live', served),
  row(
    'no-ready-endpoint',
    'no pod of the active role is ready',
    () => {
      const context = stagingContext(roles);
      const front = only(context, 'Service').object;
      const selector = { app: 'web', role: 'blue' };
      const pods = { metadata: { labels: selector }, spec: { containers: [] } };
      const blue = live(context, 'Deployment', { spec: { template: pods }, status: { readyReplicas: 0 } });
      const switched = { ...front, spec: { ...(front['spec'] as object), selector } };
      return { ...withLive(context, 'Service', { change: 'changed', live: switched }), active: [blue] };
    },
    22,
  ),
  row(
    'autoscaler-below-live',
    'more pods in the manifest',
    served.replace('replicas: 2', 'replicas: 6') + scaler(5),
    30,
  ),
  row('autoscaler-below-live', 'more pods live', () => withReplicas(rollingContext(served + scaler(5)), 8), 30),
  row('autoscaler-below-live', 'as many', () => withReplicas(rollingContext(served + scaler(5)), 5)),
  row(
    'removed-api',
    'a budget of policy/v1beta1',
    budget('maxUnavailable: 1').replace('policy/v1', 'policy/v1beta1'),
    1,
  ),
  row(
    'removed-api',
    'an Ingress of extensions/v1beta1',
    ingress('a: b').replace('networking.k8s.io/v1', 'extensions/v1beta1'),
    1,
  ),
  row('removed-api', 'a Deployment that is upgraded', served.replace('apps/v1', 'extensions/v1beta1')),
  row('removed-api', 'what is served', served + budget('maxUnavailable: 1') + scaler(5)),
  row(
    'shared-config-changed',
    'the pods stay',
    () => withConfig(rollingContext(config('new') + reading), 'unchanged'),
    4,
  ),
  row('shared-config-changed', 'the pods are replaced', () =>
    withConfig(rollingContext(config('new') + reading), 'changed'),
  ),
  row('shared-config-changed', 'no pod reads it', () =>
    withConfig(rollingContext(config('new') + served), 'unchanged'),
  ),
  row(
    'pod-targeting-load-balancer',
    'a network load balancer of AWS',
    () => stagingContext(annotated('service.beta.kubernetes.io/aws-load-balancer-nlb-target-type: ip')),
    21,
  ),
  row('pod-targeting-load-balancer', 'one that targets nodes', () =>
    stagingContext(annotated('service.beta.kubernetes.io/aws-load-balancer-nlb-target-type: instance')),
  ),
  row(
    'pod-targeting-load-balancer',
    'network endpoint groups of Google',
    () => stagingContext(annotated(`cloud.google.com/neg: '{"ingress": true}'`)),
    21,
  ),
  row(
    'pod-targeting-load-balancer',
    'network endpoint groups that Google added to what is live',
    () => {
      const context = stagingContext(roles);
      const { object } = only(context, 'Service');
      const annotations = { 'cloud.google.com/neg': '{"exposed_ports":{"80":{}}}' };
      return withLive(context, 'Service', {
        change: 'unchanged',
        live: { ...object, metadata: { ...object.metadata, annotations } },
      });
    },
    21,
  ),
  row('pod-targeting-load-balancer', 'none of them', () =>
    stagingContext(annotated(`cloud.google.com/neg: '{"ingress": false}'`)),
  ),
  row(
    'pod-targeting-load-balancer',
    'an application load balancer of AWS',
    () => stagingContext(ingress('alb.ingress.kubernetes.io/target-type: ip') + roles),
    3,
  ),
  row('pod-targeting-load-balancer', 'a binding to the pods', () => stagingContext(binding('ip') + roles), 6),
  row('pod-targeting-load-balancer', 'a binding to the nodes', () => stagingContext(binding('instance') + roles)),
  row(
    'pod-targeting-load-balancer',
    'a rolling deploy, which moves pods one by one',
    ingress('alb.ingress.kubernetes.io/target-type: ip') + served,
  ),
  row('local-traffic-policy', 'of the public Service', () => stagingContext(local(roles)), 22),
  row(
    'local-traffic-policy',
    'that somebody set on what is live',
    () => {
      const context = stagingContext(roles);
      const set = live(context, 'Service', { spec: { externalTrafficPolicy: 'Local' } });
      return withLive(context, 'Service', { change: 'unchanged', live: set });
    },
    22,
  ),
  row('local-traffic-policy', 'Cluster', () =>
    stagingContext(local(roles).replace('externalTrafficPolicy: Local', 'externalTrafficPolicy: Cluster')),
  ),
  row('local-traffic-policy', 'a rolling deploy', local(served)),
  row('headless-reaches-staged', 'the pods of both roles', () => stagingContext(roles + headless('app: web')), 27),
  row('headless-reaches-staged', 'the pods of one role', () =>
    stagingContext(roles + headless('role: $<TARGET_ROLE>').replace('name: peers', 'name: peers-$<TARGET_ROLE>')),
  ),
  row('headless-reaches-staged', 'other pods', () => stagingContext(roles + headless('app: other'))),
  row('headless-reaches-staged', 'for metrics', () =>
    stagingContext(roles + headless('app: web').replace('port: 80', 'name: metrics, port: 80')),
  ),
  row('headless-reaches-staged', 'a rolling deploy', served + headless('app: web')),
];

const of = (context: LintContext, code: FindingCode) =>
  lintResources(context).findings.filter(finding => finding.code === code);

describe('A workload that serves well', () => {
  it.each([
    ['rolling', () => rollingContext(served + budget('maxUnavailable: 1') + scaler(5))],
    ['blue/green', () => stagingContext(roles + config('value'))],
  ])('has no finding, %s', (_, context) => {
    expect(lintResources(context())).toEqual({ findings: [], silenced: [] });
  });
});

describe('Findings', () => {
  it('are all in the table below', () => {
    expect(new Set(rows.filter(({ line }) => line !== undefined).map(({ code }) => code))).toEqual(
      new Set(findingCodes),
    );
    const harmless = new Set(rows.filter(({ line }) => line === undefined).map(({ code }) => code));
    expect(harmless).toEqual(new Set(findingCodes));
  });

  it.each(rows.map(one => [one.code, one.what, one] as const))('%s: %s', (code, _, { context, line }) => {
    const found = of(context(), code);
    expect(found.map(({ at }) => at.line)).toEqual(line === undefined ? [] : [line]);
    for (const { message, remedy } of found) {
      expect(message).toMatch(/^[A-Z].*\.$/);
      expect(remedy).toMatch(/^[A-Z].*\.$/);
    }
  });

  it.each(rows.filter(({ line }) => line !== undefined).map(one => [one.code, one.what, one] as const))(
    '%s is silenced by its object with a reason, and by nothing less: %s',
    (code, _, { context }) => {
      const silenced = annotatedContext(context(), code, 'known, and meant so');
      expect(of(silenced, code)).toEqual([]);
      expect(lintResources(silenced).silenced).toContainEqual(
        expect.objectContaining({ code, reason: 'known, and meant so' }),
      );
      const empty = of(annotatedContext(context(), code, ' '), code);
      expect(empty.map(({ message }) => message)).toEqual([
        expect.stringContaining(`The annotation ${silenceAnnotation(code)} gives no reason`),
      ]);
    },
  );

  it('come in the order of the files', () => {
    const many = rollingContext(change(':1.4.2', ':latest').replace('replicas: 2', 'replicas: 1'));
    expect(lintResources(many).findings.map(({ code }) => code)).toEqual(['single-replica', 'moving-tag']);
  });

  it('never stop a deploy that may be the remedy', () => {
    expect(of(withReady(rollingContext(served), 0), 'no-ready-endpoint')).toMatchObject([{ advice: true }]);
  });
});

/** The same context, every object of which carries the annotation. */
function annotatedContext(context: LintContext, code: FindingCode, reason: string): LintContext {
  const swapped = new Map(
    context.resources.map(resource => {
      const { object } = resource;
      const annotations = { ...object.metadata.annotations, [silenceAnnotation(code)]: reason };
      return [resource, { ...resource, object: { ...object, metadata: { ...object.metadata, annotations } } }] as const;
    }),
  );
  const swap = (resource: LintContext['resources'][number]) => swapped.get(resource) ?? resource;
  return {
    ...context,
    resources: context.resources.map(swap),
    planned: context.planned.map(one => ({ ...one, resource: swap(one.resource) })),
    idle: new Set([...context.idle].map(swap)),
    publicServices: context.publicServices.map(swap),
  };
}
