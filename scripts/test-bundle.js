// Jest's global setup: builds the bundles that the suites run, so that they never test an old one. .cache/action has the bundle
// that users get, .cache/action-short-lease the same with a lock that expires within seconds, action-cluster-lease the one for a real
// cluster; each beside a copy of action.yml.
// They are rebuilt when one of their sources has changed. dist/ is not touched.
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bundle } from './build.js';

/** Replace the durations of src/release/lock/lease-times.ts. */
export const shortLeaseTimes = { leaseMs: 3_000, longestWriteMs: 1_500, renewEveryMs: 400 };
/** A write to a real cluster that is busy takes longer than a second. */
export const leaseTimesOnCluster = { leaseMs: 8_000, longestWriteMs: 4_000, renewEveryMs: 1_000 };

export default async function buildBundlesUnderTest() {
  const digest = digestOfSources();
  process.env.CUTOVER_TEST_ACTION = await fresh(join('.cache', 'action'), digest);
  const [folder, leaseTimes] =
    process.env.CUTOVER_TEST_CLUSTER === '1'
      ? ['action-cluster-lease', leaseTimesOnCluster]
      : ['action-short-lease', shortLeaseTimes];
  process.env.CUTOVER_TEST_ACTION_SHORT_LEASE = await fresh(join('.cache', folder), digest, leaseTimes);
}

/** Builds the action into `folder` unless it was built from these sources. Returns its absolute path. */
async function fresh(folder, digest, leaseTimes) {
  const digestFile = join(folder, 'digest');
  if (!existsSync(digestFile) || readFileSync(digestFile, 'utf8') !== digest) {
    rmSync(digestFile, { force: true });
    mkdirSync(folder, { recursive: true });
    await bundle(join(folder, 'dist'), leaseTimes);
    copyFileSync('action.yml', join(folder, 'action.yml'));
    writeFileSync(digestFile, digest);
  }
  return resolve(folder);
}

/** The digest of all sources of the bundles; the lock file stands for the packages. */
function digestOfSources() {
  const sources = readdirSync('src', { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name));
  const hash = createHash('sha256');
  for (const file of [
    'action.yml',
    'package-lock.json',
    'tsconfig.json',
    'scripts/build.js',
    'scripts/test-bundle.js',
    ...sources.sort(),
  ])
    hash.update(`${file}\0`).update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}
