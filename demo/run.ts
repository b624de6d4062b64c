import { mkdir, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { startGitHub } from '../__tests__/support/github-server.js';
import { startSandbox } from '../sandbox/start.js';
import { openKube } from '../__tests__/support/kube.js';
import { namespace, token } from './demo-context.js';
import { DemoLog } from './demo-log.js';
import { firstRelease, refused, rollback, update } from './tomcat.js';
import { rollingUpdate } from './website.js';

const summaryFile = '.cache/demo-summary.md';
/** Fewer requests than this prove nothing. */
const minRequests = 2000;

const log = new DemoLog(line => process.stdout.write(`${line}\n`));
const begun = performance.now();
const nodePorts = (await isFree(31000)) ? 'real' : 'any';
const sandbox = await startSandbox({ nodePorts });
const github = await startGitHub({
  token,
  repository: 'shop/website',
  environments: { production: { reviewers: ['octocat'] } },
});
const kube = openKube(sandbox.kubeconfig);
const demo = {
  log,
  kube,
  kubeconfig: sandbox.kubeconfig,
  github,
  workspace: process.cwd(),
  publicUrl: (service: string) => sandbox.serviceUrl(namespace, service),
};

process.stdout.write(`Cutover updates live sites on an embedded cluster: ${sandbox.url}\n`);
if (nodePorts === 'any') log.line('Port 31000 of this machine is in use, so node ports get other ports in this run.');
try {
  const visitors = await firstRelease(demo);
  await update(demo, visitors);
  await refused(demo, visitors);
  await rollback(demo, visitors);
  await rollingUpdate(demo);
} catch (thrown) {
  log.check('the demo ran to its end', false, thrown instanceof Error ? thrown.message : thrown);
} finally {
  await log.close();
  kube.close();
  await github.close();
  await sandbox.close();
  await mkdir('.cache', { recursive: true });
  await writeFile(summaryFile, log.summaries());
}

process.stdout.write('\n');
const { requests, lost, passed, failed } = await log.end();
const seconds = Math.round((performance.now() - begun) / 1000);
process.stdout.write(`The job summaries of all steps are in ${summaryFile}. The demo took ${seconds} s.\n`);
process.stdout.write(`demo: ${requests} requests, ${lost} lost, ${passed} checks passed\n`);
if (lost > 0 || failed.length > 0 || requests < minRequests) process.exitCode = 1;

/** Whether a port of 127.0.0.1 is free and routed to this process: a Kubernetes on this machine may intercept node ports. */
function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer(socket => socket.end('here'));
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => {
      let received = '';
      const socket = connect(port, '127.0.0.1');
      socket.setTimeout(1000, () => socket.destroy());
      socket.on('data', part => (received += part.toString()));
      socket.on('error', () => undefined);
      socket.on('close', () => server.close(() => resolve(received === 'here')));
    });
  });
}
