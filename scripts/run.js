// Runs a TypeScript program of this project on every Node that package.json promises: `node scripts/run.js FILE [ARGUMENT…]`.
import { build } from 'esbuild';
import { basename, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [file, ...rest] = process.argv.slice(2);
if (!file) throw new Error('usage: node scripts/run.js FILE [ARGUMENT…]');
const outfile = resolve('node_modules/.cache/cutover', basename(file).replace(/\.ts$/, '.mjs'));
await build({
  entryPoints: [file],
  outfile,
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: 'inline',
  logLevel: 'warning',
});
process.argv = [process.argv[0], outfile, ...rest];
process.setSourceMapsEnabled(true);
await import(pathToFileURL(outfile).href);
