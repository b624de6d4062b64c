// Rebuilds the bundle beside dist/ and compares every file: users run dist/, so it must be what src/ says.
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from './build.js';

const fresh = join('node_modules', '.cache', 'dist-fresh');
await bundle(fresh);
const list = folder => readdirSync(folder, { recursive: true }).map(String).sort();
const names = [...new Set([...list('dist'), ...list(fresh)])];
const differing = names.filter(name => {
  try {
    return !readFileSync(join('dist', name)).equals(readFileSync(join(fresh, name)));
  } catch {
    return true;
  }
});
rmSync(fresh, { recursive: true, force: true });
if (differing.length > 0) {
  console.error(`dist/ is not what src/ builds: ${differing.join(', ')}\nRun: npm run build, and commit dist/`);
  process.exit(1);
}
console.log(`dist/ is what src/ builds (${names.length} files)`);
