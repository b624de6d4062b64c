import { field, live, namespace, play, users, versionAt } from './demo-context.js';
import type { DemoStep, DemoContext } from './demo-context.js';
import type { StepResult } from '../__tests__/support/runner/runner.js';
import type { Traffic } from '../__tests__/support/traffic/traffic.js';

const page = { service: 'tomcat-service', version: /Apache Tomcat\/([\d.]+)/ };
const testPage = (role: string): typeof page => ({ ...page, service: `tomcat-test-${role}` });

/** The inputs of examples/tomcat-blue-green/workflow.yml, with shorter waits. */
const deploy = (version: string): DemoStep['inputs'] => ({
  strategy: 'blue-green',
  manifests: 'examples/tomcat-blue-green/k8s',
  variables: `TOMCAT_VERSION=${version}`,
  verify: `- http: /\n  contains: Apache Tomcat/${version.slice(0, 1)}\n`,
  'stable-for': '1s',
});
const switchInputs = { release: 'tomcat-service', drain: '1s' };

/** Chapter 1: one step deploys and switches the first release. The users who start here stop after chapter 4. */
export async function firstRelease(demo: DemoContext): Promise<Traffic> {
  const { log } = demo;
  log.section('First release: Tomcat 7, blue');
  log.line('An empty cluster, and manifests from 2018 with one template for both roles.');
  const result = await play(demo, {
    title: 'deploy 7',
    inputs: { ...deploy('7'), switch: 'auto', drain: '1s' },
  });
  const { outputs } = result;
  log.check('it is live, on blue', outputs.outcome === 'switched' && outputs['active-role'] === 'blue', outputs);
  const seen = await versionAt(demo, page, '7.');
  log.check('users get Tomcat 7', seen.startsWith('7.'), seen);
  log.line('From now on, users reload the page 90 times per second, each time on a new connection.');
  return users(demo, page);
}

/** Chapter 2: the new version runs beside the old one, is tested, and gets the users. */
export async function update(demo: DemoContext, visitors: Traffic): Promise<void> {
  const { log } = demo;
  log.section('Tomcat 8: staged on green, tested, promoted');
  const staged = await play(demo, { title: 'deploy 8', inputs: deploy('8') });
  log.check('it is staged on green', staged.outputs['staged-role'] === 'green', staged.outputs);
  const trial = await versionAt(demo, testPage('green'), '8.');
  log.check('the test endpoint shows Tomcat 8', trial.startsWith('8.'), trial);
  const { byVersion: before } = await visitors.counts();
  log.check(
    'users have seen nothing but Tomcat 7',
    Object.keys(before).every(seen => seen.startsWith('7.')),
    before,
  );
  await log.tally();
  const promotion = { action: 'promote', approval: 'production', ...switchInputs };
  log.line('The promotion needs the approval of a reviewer of the GitHub environment "production".');
  const early = await play(demo, { title: 'promote 8, not approved', inputs: promotion, succeeds: false });
  log.line(`The error: ${causeOf(early)}`);
  log.line('Now octocat approves, and one field of one Service changes:');
  const review = { environments: ['production'], state: 'approved', by: 'octocat', comment: 'looks good' } as const;
  demo.github.set({ approvals: { '1000': [review] } });
  const promoted = await play(demo, { title: 'promote 8', inputs: promotion });
  log.check('green is active', promoted.outputs['active-role'] === 'green', promoted.outputs);
  const now = await versionAt(demo, page, '8.');
  log.check('users get Tomcat 8', now.startsWith('8.'), now);
  await visitors.more(1);
  const order = (await visitors.counts()).timeline.map(({ version }) => version.slice(0, 1));
  log.check('first only 7, then only 8', order.join(' ') === '7 8', order);
  const kept = await versionAt(demo, testPage('blue'), '7.');
  log.check('Tomcat 7 still runs on blue, ready for a rollback', kept.startsWith('7.'), kept);
  await log.tally();
}

/** Chapter 3: the pods are ready for Kubernetes, but fail the check. */
export async function refused(demo: DemoContext, visitors: Traffic): Promise<void> {
  const { log } = demo;
  log.section('Tomcat 9, which fails: refused');
  log.line('Its pods become ready, but the page answers 500: after a rolling update, users would see that.');
  const result = await play(demo, { title: 'deploy 9', inputs: deploy('9-http500'), succeeds: false });
  const cause = causeOf(result);
  log.line(`The error: ${cause}`);
  log.check('the outcome is "failed"', result.outputs.outcome === 'failed', result.outputs);
  log.check('the message names the answer 500', cause.includes('500'), cause);
  const service = await live(demo, { kind: 'Service', name: page.service });
  log.check('green is still active', field(service, 'spec', 'selector', 'role') === 'green');
  const blue = await live(demo, { kind: 'Deployment', name: 'tomcat-deployment-blue' });
  const image = field(blue, 'spec', 'template', 'spec', 'containers', 0, 'image');
  log.check('the idle role runs Tomcat 7 again', image === 'tomcat:7', image);
  const { byVersion: seen } = await visitors.counts();
  log.check('users never saw Tomcat 9', !Object.keys(seen).some(version => /^[^78]/.test(version)), seen);
  await log.tally();
}

/** Chapter 4: the rollback is the same single change. */
export async function rollback(demo: DemoContext, visitors: Traffic): Promise<void> {
  const { log } = demo;
  log.section('Rollback from 8 to Tomcat 7');
  const result = await play(demo, {
    title: 'rollback',
    inputs: { action: 'rollback', 'stable-for': '1s', ...switchInputs },
  });
  const { outcome, 'active-role': active } = result.outputs;
  log.check('blue is active again', outcome === 'rolled-back' && active === 'blue', result.outputs);
  const seen = await versionAt(demo, page, '7.');
  log.check('users get Tomcat 7', seen.startsWith('7.'), seen);
  const pods = await demo.kube.list('Pod', namespace);
  const restarts = pods.flatMap(
    pod =>
      (field(pod, 'status', 'containerStatuses') as readonly { readonly restartCount: number }[] | undefined) ?? [],
  );
  log.check(
    'no pod was restarted',
    restarts.every(({ restartCount }) => restartCount === 0),
    restarts,
  );
  await visitors.more(1);
  const order = (await visitors.stop()).timeline.map(({ version }) => version.slice(0, 1));
  log.check('users saw 7, then 8, then 7, never both at once', order.join(' ') === '7 8 7', order);
  await log.tally();
}

/** First line of the error that a step ended with. */
function causeOf(result: StepResult): string {
  const error = result.annotations.find(({ level }) => level === 'error');
  const line = error?.message.split('\n')[0] ?? 'no error';
  return line.length > 160 ? `${line.slice(0, 160)}…` : line;
}
