// Makes dist/: esbuild drops what the Kubernetes client has and we do not use, ncc packs and minifies
// the rest and collects the licences. Why both: docs/adr/0002-esbuild-before-ncc.md.
import { build } from 'esbuild';
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Keeps the HTTP client undici from being loaded at every start: 25 MB of memory and a part of the start-up time. Cutover asks
 * the API server over Node's own https, and loads undici with Octokit only to prove an approval.
 */
const undiciOnlyForOctokit = {
  name: 'undici-only-for-octokit',
  setup(build) {
    // What @actions/core has for OIDC tokens, which nobody here asks for, is left out when loading it does nothing.
    build.onResolve({ filter: /^\.\/oidc-utils\.js$/ }, async ({ path, pluginData, ...rest }) => {
      if (pluginData === undefined)
        return { ...(await build.resolve(path, { ...rest, pluginData: true })), sideEffects: false };
    });
    // The Kubernetes client gives undici to its own requests. Only its credentials are used; anything else fails aloud.
    build.onResolve({ filter: /^undici$/ }, ({ importer, path }) =>
      importer.includes('@kubernetes/client-node') ? { path, namespace: 'unused' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'unused' }, () => ({
      contents: ['Agent', 'ProxyAgent', 'fetch']
        .map(name => `export function ${name}() { throw new Error('undici is not part of this bundle'); }`)
        .join('\n'),
    }));
  },
};

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
    plugins: [undiciOnlyForOctokit],
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
