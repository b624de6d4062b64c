// Runs the scenarios, the conformance rows, updates of each kind of server and some kills of steps on the cluster of KUBECONFIG. See e2e/README.md.
import { spawn } from 'node:child_process';

if (process.env.CUTOVER_TEST_CLUSTER !== '1') {
  console.error(`These tests create and delete namespaces in the cluster of KUBECONFIG, and send traffic to it.
If that is a test cluster, run: CUTOVER_TEST_CLUSTER=1 npm run test:cluster`);
  process.exit(2);
}
if (!process.env.KUBECONFIG) {
  console.error(
    'KUBECONFIG is not set: it must name a kubeconfig of the test cluster that embeds its certificates or token.',
  );
  process.exit(2);
}

// A real cluster is slower, and one node can run only a few scenarios at once.
const options = ['--maxWorkers=2', '--maxConcurrency=3', '--testTimeout=600000'];
const requested = process.argv.slice(2);
const paths =
  requested.length > 0
    ? requested
    : ['__tests__/scenarios', '__tests__/conformance', '__tests__/matrix/kill', '__tests__/matrix/servers'];
const tests = spawn(process.execPath, ['scripts/test.js', ...options, ...paths], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => tests.kill(signal));
tests.on('close', code => process.exit(code ?? 1));
