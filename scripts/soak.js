// Builds the bundle from src/ unless that has been done, and runs bench/soak.ts on it with the arguments given.
import buildBundlesUnderTest from './test-bundle.js';

await buildBundlesUnderTest();
process.argv.splice(2, 0, 'bench/soak.ts');
await import('./run.js');
