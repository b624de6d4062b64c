// Picks ten lines of src/ at random, for a reader who is to say from file names alone where each one lives:
// `node scripts/reader-lines.js [SEED]`. Prints the lines; their places go to .cache/reader-lines.txt.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const seed = process.argv[2] ?? String(Date.now());
const files = readdirSync('src', { recursive: true })
  .filter(name => name.endsWith('.ts'))
  .sort();
// Imports, comments and lines that hold little but brackets say nothing to anybody.
const telling = /^\s*(?=\S)(?!import |export \* |\/\/|\/?\*|\} from )(?=.*[a-z]{3}).{30,}$/;
const candidates = files.flatMap(file =>
  readFileSync(join('src', file), 'utf8')
    .split('\n')
    .flatMap((text, index) => (telling.test(text) ? [{ text: text.trim(), place: `src/${file}:${index + 1}` }] : [])),
);

/** A number from 0 to 1 for each call, the same row of them for the same seed (mulberry32 over a hash of the seed). */
function randomOf(text) {
  let state = [...text].reduce((hash, char) => Math.imul(hash ^ char.charCodeAt(0), 16777619), 2166136261);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = randomOf(seed);
const picked = Array.from({ length: 10 }, () => candidates.splice(Math.floor(random() * candidates.length), 1)[0]);
console.log(`seed ${seed}`);
picked.forEach(({ text }, index) => console.log(`${index + 1}. ${text}`));
mkdirSync('.cache', { recursive: true });
writeFileSync('.cache/reader-lines.txt', picked.map(({ place }, index) => `${index + 1}. ${place}\n`).join(''));
