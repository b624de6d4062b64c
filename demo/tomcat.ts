import { field, live, namespace, play, users, versionAt } from './stage.js';
import type { DemoStep, Stage } from './stage.js';
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
export async function firstRelease(stage: Stage): Promise<Traffic> {
  const { story } = stage;
  story.chapter('First release: Tomcat 7, blue');
  story.say('An empty cluster, and manifests from 2018 with one template for both roles.');
  const result = await play(stage, {
    title: 'deploy 7',
    inputs: { ...deploy('7'), switch: 'auto', drain: '1s' },
  });
  const { outputs } = result;
  story.check('it is live, on blue', outputs.outcome === 'switched' && outputs['active-role'] === 'blue', outputs);
  const seen = await versionAt(stage, page, '7.');
  story.check('users get Tomcat 7', seen.startsWith('7.'), seen);
  story.say('From now on, users reload the page 90 times per second, each time on a new connection.');
  return users(stage, page);
}

/** Chapter 2: the new version runs beside the old one, is tested, and gets the users. */
export async function update(stage: Stage, visitors: Traffic): Promise<void> {
  const { story } = stage;
  story.chapter('Tomcat 8: staged on green, tested, promoted');
  const staged = await play(stage, { title: 'deploy 8', inputs: deploy('8') });
  story.check('it is staged on green', staged.outputs['staged-role'] === 'green', staged.outputs);
  const trial = await versionAt(stage, testPage('green'), '8.');
  story.check('the test endpoint shows Tomcat 8', trial.startsWith('8.'), trial);
  const { byVersion: before } = await visitors.counts();
  story.check(
    'users have seen nothing but Tomcat 7',
    Object.keys(before).every(seen => seen.startsWith('7.')),
    before,
  );
  await story.tally();
  const promotion = { action: 'promote', approval: 'production', ...switchInputs };
  story.say('The promotion needs the approval of a reviewer of the GitHub environment "production".');
  const early = await play(stage, { title: 'promote 8, not approved', inputs: promotion, succeeds: false });
  story.say(`The error: ${causeOf(early)}`);
  story.say('Now octocat approves, and one field of one Service changes:');
  const review = { environments: ['production'], state: 'approved', by: 'octocat', comment: 'looks good' } as const;
  stage.github.set({ approvals: { '1000': [review] } });
  const promoted = await play(stage, { title: 'promote 8', inputs: promotion });
  story.check('green is active', promoted.outputs['active-role'] === 'green', promoted.outputs);
  const now = await versionAt(stage, page, '8.');
  story.check('users get Tomcat 8', now.startsWith('8.'), now);
  await visitors.more(1);
  const order = (await visitors.counts()).timeline.map(({ version }) => version.slice(0, 1));
  story.check('first only 7, then only 8', order.join(' ') === '7 8', order);
  const kept = await versionAt(stage, testPage('blue'), '7.');
  story.check('Tomcat 7 still runs on blue, ready for a rollback', kept.startsWith('7.'), kept);
  await story.tally();
}

/** Chapter 3: the pods are ready for Kubernetes, but fail the check. */
export async function refused(stage: Stage, visitors: Traffic): Promise<void> {
  const { story } = stage;
  story.chapter('Tomcat 9, which fails: refused');
  story.say('Its pods become ready, but the page answers 500: after a rolling update, users would see that.');
  const result = await play(stage, { title: 'deploy 9', inputs: deploy('9-http500'), succeeds: false });
  const cause = causeOf(result);
  story.say(`The error: ${cause}`);
  story.check('the outcome is "failed"', result.outputs.outcome === 'failed', result.outputs);
  story.check('the message names the answer 500', cause.includes('500'), cause);
  const service = await live(stage, { kind: 'Service', name: page.service });
  story.check('green is still active', field(service, 'spec', 'selector', 'role') === 'green');
  const blue = await live(stage, { kind: 'Deployment', name: 'tomcat-deployment-blue' });
  const image = field(blue, 'spec', 'template', 'spec', 'containers', 0, 'image');
  story.check('the idle role runs Tomcat 7 again', image === 'tomcat:7', image);
  const { byVersion: seen } = await visitors.counts();
  story.check('users never saw Tomcat 9', !Object.keys(seen).some(version => /^[^78]/.test(version)), seen);
  await story.tally();
}

/** Chapter 4: the rollback is the same single change. */
export async function rollback(stage: Stage, visitors: Traffic): Promise<void> {
  const { story } = stage;
  story.chapter('Rollback from 8 to Tomcat 7');
  const result = await play(stage, {
    title: 'rollback',
    inputs: { action: 'rollback', 'stable-for': '1s', ...switchInputs },
  });
  const { outcome, 'active-role': active } = result.outputs;
  story.check('blue is active again', outcome === 'rolled-back' && active === 'blue', result.outputs);
  const seen = await versionAt(stage, page, '7.');
  story.check('users get Tomcat 7', seen.startsWith('7.'), seen);
  const pods = await stage.kube.list('Pod', namespace);
  const restarts = pods.flatMap(
    pod =>
      (field(pod, 'status', 'containerStatuses') as readonly { readonly restartCount: number }[] | undefined) ?? [],
  );
  story.check(
    'no pod was restarted',
    restarts.every(({ restartCount }) => restartCount === 0),
    restarts,
  );
  await visitors.more(1);
  const order = (await visitors.stop()).timeline.map(({ version }) => version.slice(0, 1));
  story.check('users saw 7, then 8, then 7, never both at once', order.join(' ') === '7 8 7', order);
  await story.tally();
}

/** First line of the error that a step ended with. */
function causeOf(result: StepResult): string {
  const error = result.annotations.find(({ level }) => level === 'error');
  const line = error?.message.split('\n')[0] ?? 'no error';
  return line.length > 160 ? `${line.slice(0, 160)}…` : line;
}
