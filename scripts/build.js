// Builds dist/: esbuild drops the unused parts of the Kubernetes client, ncc bundles and minifies the rest. The reasons for
// both tools: docs/adr/0002-esbuild-before-ncc.md.
import { build } from 'esbuild';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Loads the HTTP client undici only when it is needed: it takes 25 MB of memory and a part of the start-up time. Cutover uses
 * Node's https for the API server, and loads undici with Octokit only to prove an approval.
 */
const undiciOnlyForOctokit = {
  name: 'undici-only-for-octokit',
  setup(build) {
    // Marks the OIDC support of @actions/core as free of side effects, so that esbuild drops it: Cutover requests no OIDC token.
    build.onResolve({ filter: /^\.\/oidc-utils\.js$/ }, async ({ path, pluginData, ...rest }) => {
      if (pluginData === undefined)
        return { ...(await build.resolve(path, { ...rest, pluginData: true })), sideEffects: false };
    });
    // The Kubernetes client sends its own requests with undici. Cutover uses only its credentials; anything else throws.
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

/**
 * Leaves out the plugins of Octokit that Cutover does not call. `src/github/rest.ts` sends its requests by route; the methods
 * by name that these plugins add are a list of every endpoint of GitHub's API.
 */
const octokitByRoute = {
  name: 'octokit-by-route',
  setup(build) {
    build.onResolve({ filter: /^@octokit\/plugin-(rest-endpoint-methods|paginate-rest)$/ }, ({ path }) => ({
      path,
      namespace: 'no-methods',
    }));
    build.onLoad({ filter: /.*/, namespace: 'no-methods' }, () => ({
      contents: 'export const restEndpointMethods = () => ({}); export const paginateRest = () => ({});',
    }));
  },
};

/**
 * Replaces the durations of `src/release/lock/lease-times.ts`, in milliseconds by name. Only the bundle of the tests that wait for
 * a Lease to expire is built with it.
 */
const withLeaseTimes = times => ({
  name: 'lease-times',
  setup(build) {
    build.onLoad({ filter: /[/\\]src[/\\]release[/\\]lock[/\\]lease-times\.ts$/ }, () => ({
      contents: Object.entries(times)
        .map(([name, ms]) => `export const ${name} = ${ms};`)
        .join('\n'),
      loader: 'ts',
    }));
  },
});

/** Compiles `entry` and what it imports into one file. `leaseTimes` absent: those of the source. */
export function compile({ entry, outfile, leaseTimes }) {
  return build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    metafile: true,
    plugins: [undiciOnlyForOctokit, octokitByRoute, ...(leaseTimes ? [withLeaseTimes(leaseTimes)] : [])],
    legalComments: 'none',
    logLevel: 'warning',
    // CommonJS packages inside an ES module still call require() for Node's own modules.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);",
    },
  });
}

/** Builds the bundle into `folder` (default `dist`). `leaseTimes`: as for {@link compile}. */
export async function bundle(folder = 'dist', leaseTimes) {
  // Inside the project, so that ncc finds the licences of what esbuild inlined.
  const stage = join('node_modules', '.cache', 'cutover-build');
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(stage, { recursive: true });
  writeFileSync(join(stage, 'package.json'), '{"type":"module"}\n');
  const { metafile } = await compile({ entry: 'src/index.ts', outfile: join(stage, 'index.js'), leaseTimes });
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
  // Replaced as a whole, because a process may be running the old bundle.
  rmSync(folder, { recursive: true, force: true });
  renameSync(fresh, folder);
}

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
