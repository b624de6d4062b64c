import { mkdir, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { startGitHub } from '../__tests__/support/github-server.js';
import { startSandbox } from '../sandbox/start.js';
import { openKube } from '../__tests__/support/kube.js';
import { namespace, token } from './stage.js';
import { Story } from './story.js';
import { firstRelease, refused, update, wayBack } from './tomcat.js';
import { rollingUpdate } from './website.js';

const summaryFile = '.cache/demo-summary.md';
const enough = 2000;

const story = new Story(line => process.stdout.write(`${line}\n`));
const begun = performance.now();
const nodePorts = (await isFree(31000)) ? 'real' : 'any';
const sandbox = await startSandbox({ nodePorts });
const github = await startGitHub({
  token,
  repository: 'shop/website',
  environments: { production: { reviewers: ['octocat'] } },
});
const kube = openKube(sandbox.kubeconfig);
const stage = {
  story,
  kube,
  kubeconfig: sandbox.kubeconfig,
  github,
  workspace: process.cwd(),
  publicUrl: (service: string) => sandbox.serviceUrl(namespace, service),
};

process.stdout.write(`Cutover takes live sites from version to version. The cluster is embedded: ${sandbox.url}\n`);
if (nodePorts === 'any')
  story.say('Port 31000 of this machine is taken, so node ports are found at other ports this time.');
try {
  const visitors = await firstRelease(stage);
  await update(stage, visitors);
  await refused(stage, visitors);
  await wayBack(stage, visitors);
  await rollingUpdate(stage);
} catch (thrown) {
  story.check('the story was told to its end', false, thrown instanceof Error ? thrown.message : thrown);
} finally {
  await story.close();
  kube.close();
  await github.close();
  await sandbox.close();
  await mkdir('.cache', { recursive: true });
  await writeFile(summaryFile, story.summaries());
}

process.stdout.write('\n');
const { requests, lost, passed, failed } = await story.end();
const seconds = Math.round((performance.now() - begun) / 1000);
process.stdout.write(`The job summaries of all steps are in ${summaryFile}. It took ${seconds} s.\n`);
process.stdout.write(`demo: ${requests} requests, ${lost} lost, ${passed} checks passed\n`);
if (lost > 0 || failed.length > 0 || requests < enough) process.exitCode = 1;

/** Whether a port of 127.0.0.1 can be had, and leads here: a Kubernetes on this machine may catch its node ports. */
function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer(socket => socket.end('here'));
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => {
      let said = '';
      const socket = connect(port, '127.0.0.1');
      socket.setTimeout(1000, () => socket.destroy());
      socket.on('data', part => (said += part.toString()));
      socket.on('error', () => undefined);
      socket.on('close', () => server.close(() => resolve(said === 'here')));
    });
  });
}
