// Rebuilds the bundle beside dist/ and compares every file: users run dist/, so it must match src/.
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
  console.error(`dist/ does not match src/: ${differing.join(', ')}\nRun: npm run build, and commit dist/`);
  process.exit(1);
}
console.log(`dist/ matches src/ (${names.length} files)`);
