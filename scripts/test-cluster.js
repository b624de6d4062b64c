// Plays the scenarios and the conformance rows on the cluster of KUBECONFIG. e2e/README.md is the manual.
import { spawn } from 'node:child_process';

if (process.env.CUTOVER_TEST_CLUSTER !== '1') {
  console.error(`These tests make and remove namespaces in the cluster of KUBECONFIG, and send it traffic.
If that cluster is there for tests, say so: CUTOVER_TEST_CLUSTER=1 npm run test:cluster`);
  process.exit(2);
}
if (!process.env.KUBECONFIG) {
  console.error(
    'KUBECONFIG names no file: it must lead to the cluster for tests, with its certificates or token inside.',
  );
  process.exit(2);
}

// A real cluster takes its real time, and one node bears only a few scenarios at once.
const options = ['--maxWorkers=1', '--maxConcurrency=4', '--testTimeout=600000'];
const given = process.argv.slice(2);
const places = given.length > 0 ? given : ['__tests__/scenarios', '__tests__/conformance'];
const tests = spawn(process.execPath, ['scripts/test.js', ...options, ...places], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => tests.kill(signal));
tests.on('close', code => process.exit(code ?? 1));
