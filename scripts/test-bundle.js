// Jest's global setup: builds the bundle that the suites run, so that they never test an old one. It is in .cache/action,
// beside a copy of action.yml, and is rebuilt when one of its sources has changed. dist/ is not touched.
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bundle } from './build.js';

const folder = join('.cache', 'action');
const digestFile = join(folder, 'digest');

export default async function buildBundleUnderTest() {
  const digest = digestOfSources();
  if (!existsSync(digestFile) || readFileSync(digestFile, 'utf8') !== digest) {
    rmSync(digestFile, { force: true });
    mkdirSync(folder, { recursive: true });
    await bundle(join(folder, 'dist'));
    copyFileSync('action.yml', join(folder, 'action.yml'));
    writeFileSync(digestFile, digest);
  }
  process.env.CUTOVER_TEST_ACTION = resolve(folder);
}

/** The digest of all sources of the bundle; the lock file stands for the packages. */
function digestOfSources() {
  const sources = readdirSync('src', { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name));
  const hash = createHash('sha256');
  for (const file of ['action.yml', 'package-lock.json', 'tsconfig.json', 'scripts/build.js', ...sources.sort()])
    hash.update(`${file}\0`).update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}
