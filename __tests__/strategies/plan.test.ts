import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { DeployInputs } from '../../src/inputs/inputs.js';
import { newRolling, type BlueGreenState, type RollingState } from '../../src/release/state.js';
import type { SwitchOperation } from '../../src/release/operation.js';
import { describePlanNote } from '../../src/report/plan-notes.js';
import { FailedStep, type Outcome } from '../../src/strategies/outcome/outcome.js';
import { planBlueGreen } from '../../src/strategies/blue-green/plan.js';
import { planRolling } from '../../src/strategies/rolling/plan.js';
import { read } from '../support/step-inputs.js';
import { render, renderBoth } from '../support/rendering.js';
import { memoryCluster, type MemoryCluster } from '../support/cluster/memory-cluster.js';
import { deployment, publicRef, publicService, staged } from '../support/strategies/shop.js';
import { runOf, stepOn } from '../support/strategies/context.js';

const web = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web-$<TARGET_ROLE>}
spec:
  replicas: 2
  selector: {matchLabels: {app: web, role: $<TARGET_ROLE>}}
  template:
    metadata: {labels: {app: web, role: $<TARGET_ROLE>}}
    spec: {containers: [{name: web, image: "site:v3", ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web, role: $<TARGET_ROLE>}, ports: [{port: 80, targetPort: 8080}]}
`;
const scaler = `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web-$<TARGET_ROLE>}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web-$<TARGET_ROLE>}, minReplicas: 2, maxReplicas: 4}
---
`;

/** The notes of a plan as people read them. */
const storyOf = (preview: Outcome['preview']): readonly string[] => (preview?.notes ?? []).map(describePlanNote);

const inputsOf = (more: Readonly<Record<string, string>>) =>
  read({ action: 'plan', manifests: 'k8s', 'force-conflicts': 'true', lint: 'off', ...more });

/** Plans these manifests with this record; blue is active. */
async function planOn(
  cluster: MemoryCluster,
  state: BlueGreenState,
  { text = web, ...more }: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  await cluster.apply(publicService('blue'));
  await cluster.apply(deployment('blue'));
  cluster.calls.length = 0;
  const inputs = inputsOf({ strategy: 'blue-green', ...more }) as DeployInputs<'blue-green'>;
  const { resources } = renderBoth(text);
  const deploy = { inputs, state, resources, contentHash: 'new' };
  const planning = planBlueGreen(stepOn(cluster), deploy, () => Promise.reject(new Error('nothing is adopted')));
  return planning.finally(() => expect(cluster.writes()).toEqual([]));
}

async function failureOf(plan: Promise<Outcome>): Promise<FailedStep> {
  const thrown: unknown = await plan.then(
    () => new Error('the plan did not fail'),
    (error: unknown) => error,
  );
  if (!(thrown instanceof FailedStep)) throw thrown;
  return thrown;
}

describe('a blue/green plan', () => {
  it('names the image that users have now, not an earlier one of the idle role', async () => {
    const cluster = memoryCluster();
    await cluster.apply(deployment('green'));
    const { preview } = await planOn(cluster, staged());
    expect(preview?.images).toMatchObject([{ ref: { name: 'web-green' }, from: 'site:v1', to: 'site:v3' }]);
    expect(storyOf(preview)).toEqual([
      'Revision 3 would be staged on green, without user traffic.',
      'It would replace revision 2, which is staged on green.',
      '`promote` would later switch Service shop/web from blue to green: all users would move at once.',
    ]);
  });

  it('says that a deploy with `switch: auto` would switch', async () => {
    const { preview } = await planOn(memoryCluster(), staged(), { switch: 'auto' });
    expect(storyOf(preview).at(-1)).toMatch(/^The same step would then switch Service shop\/web from blue to green/);
  });

  it('reports a switch that was never finished, and takes no lock', async () => {
    const cluster = memoryCluster();
    const operation: SwitchOperation = {
      ...{ kind: 'switch', direction: 'promote', revision: 2, role: 'green' },
      ...{ run: runOf(7).url, holder: 'x', services: [{ before: { ref: publicRef } }] },
    };
    const { preview } = await planOn(cluster, staged({ operation }));
    expect(storyOf(preview).at(-1)).toBe(
      `Unfinished: the switch to revision 2 (green), begun by ${runOf(7).url}; no deploy begins before \`promote\` or \`rollback\` has finished it.`,
    );
    expect(cluster.calls.filter(call => call.includes('Lease'))).toEqual([]);
  });

  it('deletes an autoscaler of the idle role while staged, and creates it at the switch', async () => {
    const cluster = memoryCluster();
    const text = scaler + web;
    const live = renderBoth(text).resources.of['green']?.find(({ object }) => object.kind.startsWith('Horizontal'));
    await cluster.apply(live!.object);
    const { preview } = await planOn(cluster, staged(), { text });
    const scalers = preview?.objects.filter(({ ref }) => ref.kind === 'HorizontalPodAutoscaler');
    expect(scalers?.map(({ change, when }) => [change, when])).toEqual([
      ['deleted', 'deploy'],
      ['created', 'switch'],
    ]);
  });

  it('shows all objects and fails with all reasons at once: the API server, shared configuration, findings', async () => {
    const cluster = memoryCluster();
    const config = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: mood}\ndata: {mood: new}\n---\n';
    const shared =
      config + web.replace('name: web, image', 'envFrom: [{configMapRef: {name: mood}}], name: web, image');
    const broken = shared.replace('port: 80, targetPort: 8080', 'port: 80, targetPort: 8081, nonsense: 1');
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'mood', namespace: 'shop' },
      data: {},
    });
    const { error, outcome } = await failureOf(planOn(cluster, staged(), { text: broken, lint: 'error' }));
    expect(error.code).toBe('rejected-plan');
    const messages = error.problems.map(({ message }) => message).join('\n');
    expect(messages).toMatch(/nonsense/);
    expect(messages).toMatch(/ConfigMap shop\/mood is shared by both roles/);
    expect(messages).toMatch(/\(unknown-target-port\)/);
    expect(messages).toMatch(/\(no-readiness-probe\)/);
    expect(outcome.preview?.objects.map(({ ref }) => ref.kind)).toEqual(['ConfigMap', 'Deployment']);
  });
});

describe('a rolling plan', () => {
  const text = web.replaceAll(', role: $<TARGET_ROLE>', '').replaceAll('-$<TARGET_ROLE>', '');
  const planText = async (
    cluster: MemoryCluster,
    given: string,
    { state = release, ...more }: { readonly state?: RollingState; readonly [input: string]: unknown } = {},
  ): Promise<Outcome> => {
    const { resources } = render(given);
    cluster.calls.length = 0;
    const inputs = inputsOf(more as Readonly<Record<string, string>>) as DeployInputs<'rolling'>;
    const planning = planRolling(stepOn(cluster), { inputs, state, resources, contentHash: 'new' });
    return planning.finally(() => expect(cluster.writes()).toEqual([]));
  };
  const planRolled = (cluster: MemoryCluster, state: RollingState, version = 'v3'): Promise<Outcome> =>
    planText(cluster, text.replace('v3', version), { state });
  const release = { ...newRolling('web'), latest: 4, current: 4 };
  const applied = async (given: string): Promise<MemoryCluster> => {
    const cluster = memoryCluster();
    for (const { object } of render(given).resources) await cluster.apply(object);
    return cluster;
  };

  it('tells what the API server warns of, also about an object that would not change', async () => {
    const warning = 'would violate PodSecurity "restricted:latest"';
    const cluster = await applied(text);
    cluster.warn = call => (call === 'DRY RUN Deployment shop/web' ? [warning] : []);
    const ctx = stepOn(cluster);
    const inputs = inputsOf({}) as DeployInputs<'rolling'>;
    const { preview } = await planRolling(ctx, {
      inputs,
      state: newRolling('web'),
      resources: render(text).resources,
      contentHash: 'new',
    });
    expect(ctx.log.lines).toContain(`Deployment shop/web: ${warning}`);
    expect(preview?.objects).toMatchObject([{ change: 'unchanged', warnings: [warning] }, {}]);
  });

  it('says how the pods would be replaced', async () => {
    const stateful = text.replace('kind: Deployment', 'kind: StatefulSet').replace('replicas: 2', 'serviceName: web');
    const again = 'Revision 5 would be deployed.';
    const recreated = await planText(await applied(stateful), stateful.replace('serviceName: web', 'serviceName: db'), {
      recreate: 'StatefulSet/web',
    });
    const stopped = 'All pods would be stopped before new ones start';
    expect(storyOf(recreated.preview)).toEqual([again, `${stopped}: StatefulSet shop/web.`]);
    const atOnce = text.replace('replicas: 2', 'strategy: {type: Recreate}');
    const outcome = await planText(await applied(atOnce), atOnce.replace('v3', 'v4'));
    expect(storyOf(outcome.preview)).toEqual([again, `${stopped}: Deployment shop/web.`]);
    const onDelete = stateful.replace('serviceName: web', 'serviceName: web, updateStrategy: {type: OnDelete}');
    const waiting = onDelete.replace(
      /spec:\n {2}(serviceName.*)\n/,
      (_all, line: string) => `spec:\n  ${line.split(', ').join('\n  ')}\n`,
    );
    const later = await planText(await applied(waiting), waiting.replace('v3', 'v4'));
    expect(storyOf(later.preview).at(-1)).toBe(
      'Pods would be replaced only when somebody deletes them: StatefulSet shop/web.',
    );
  });

  it('does not say that nothing would be changed where the only change is refused', async () => {
    const wrong = text.replace('port: 80, targetPort: 8080', 'port: 80, targetPort: 8080, nonsense: 1');
    const { outcome } = await failureOf(planText(await applied(text), wrong));
    expect(outcome.outcome).toBe('failed');
    expect(storyOf(outcome.preview)).toEqual(['A deploy of these manifests would be refused.']);
  });

  it('refuses what the deploy would refuse for the size of its record', async () => {
    // Each fits alone; the record has it as it would be, and as it was before.
    const big = (): string =>
      `${text}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: big}\nbinaryData: {a: ${randomBytes(600_000).toString('base64')}}\n`;
    const { error } = await failureOf(planText(await applied(big()), big()));
    expect(error).toMatchObject({
      code: 'record',
      hint: expect.stringContaining('ConfigMap shop/big alone') as unknown,
    });
  });

  it('refuses a port that checks could not find, and nothing without checks', async () => {
    const named = text.replace('targetPort: 8080', 'targetPort: http');
    await expect(planText(memoryCluster(), named)).resolves.toMatchObject({ outcome: 'planned' });
    const { error } = await failureOf(planText(memoryCluster(), named, { verify: '- http: /' }));
    expect(error.message).toMatch(/routes to a port named "http"/);
  });

  it('names the workloads whose pods would be replaced', async () => {
    const cluster = memoryCluster();
    for (const { object } of render(text).resources) await cluster.apply(object);
    const outcome = await planRolled(cluster, release, 'v5');
    expect(outcome).toMatchObject({ outcome: 'planned', serving: { kind: 'planned', current: 4 } });
    expect(storyOf(outcome.preview)).toEqual([
      'Revision 5 would be deployed.',
      'Pods would be replaced, a few at a time: Deployment shop/web.',
    ]);
  });

  it('is unchanged only when a deploy would be', async () => {
    const cluster = memoryCluster();
    for (const { object } of render(text).resources) await cluster.apply(object);
    await expect(planRolled(cluster, release)).resolves.toMatchObject({ outcome: 'unchanged' });
    const unfinished = {
      ...release,
      operation: { kind: 'deploy', revision: 4, run: runOf(3).url, holder: 'x' } as const,
    };
    const outcome = await planRolled(cluster, unfinished);
    expect(outcome.outcome).toBe('planned');
    expect(storyOf(outcome.preview).at(-1)).toMatch(/^Unfinished: the deploy of revision 4, begun by /);
  });
});
