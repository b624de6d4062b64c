// Makes dist/: esbuild drops what the Kubernetes client has and we do not use, ncc packs and minifies
// the rest and collects the licences. Why both: docs/adr/0002-esbuild-before-ncc.md.
import { build } from 'esbuild';
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Builds the bundle into `folder` (default `dist`). */
export async function bundle(folder = 'dist') {
  // Inside the project, so that ncc finds the licences of what esbuild inlined.
  const stage = join('node_modules', '.cache', 'cutover-build');
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(stage, { recursive: true });
  writeFileSync(join(stage, 'package.json'), '{"type":"module"}\n');
  const { metafile } = await build({
    entryPoints: ['src/index.ts'],
    outfile: join(stage, 'index.js'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    metafile: true,
    legalComments: 'none',
    logLevel: 'warning',
    // CommonJS packages inside an ES module still call require() for Node's own modules.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);",
    },
  });
  const fresh = join(stage, 'dist');
  execFileSync(
    process.execPath,
    [
      'node_modules/@vercel/ncc/dist/ncc/cli.js',
      'build',
      join(stage, 'index.js'),
      '-o',
      fresh,
      '--minify',
      '--no-cache',
      '-q',
      '--target',
      'es2022',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  writeFileSync(join(fresh, 'licenses.txt'), licences(metafile));
  // Whole or not at all: somebody may be running the bundle that is there.
  rmSync(folder, { recursive: true, force: true });
  renameSync(fresh, folder);
}

import { readFileSync, readdirSync, existsSync } from 'node:fs';

/** The licence text of every package that went into the bundle, sorted by name. */
function licences(metafile) {
  const packages = new Set();
  for (const input of Object.keys(metafile.inputs)) {
    const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (match) packages.add(match[1]);
  }
  return [...packages]
    .filter(folder => existsSync(join(folder, 'package.json')))
    .map(folder => {
      const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      const file = readdirSync(folder).find(entry => /^licen[cs]e/i.test(entry));
      const text = file ? readFileSync(join(folder, file), 'utf8').trim() : `Licence: ${license}`;
      return `${name} ${version}\n${license}\n\n${text}\n`;
    })
    .sort()
    .join(`\n${'-'.repeat(80)}\n\n`);
}

if (process.argv[1]?.endsWith('build.js')) await bundle();
