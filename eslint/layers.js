// The layers of docs/architecture.md as two lint rules: a module imports only what its layer may, and no file imports itself
// through others. Imports of types count as well.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';

/** From left to right: a layer of `src/` imports only itself and what is to its left. */
export const layers = [
  'inputs',
  'kubernetes',
  'manifests',
  'registry',
  'plan',
  'cluster',
  'release',
  'run',
  'rollout',
  'verify',
  'traffic',
  'strategies',
  'github',
  'report',
];
const everywhere = new Set([
  'errors.ts',
  'log.ts',
  'text.ts',
  'secrets.ts',
  'credentials.ts',
  'needles.ts',
  'unescaped.ts',
  'plain-text.ts',
  'own.ts',
]);
const entryPoints = new Set(['main.ts', 'post.ts', 'index.ts']);

/** Which folders of the project a folder may import beside itself. */
const folders = {
  src: [],
  sandbox: [],
  e2e: ['sandbox'],
  '__tests__/support': ['src', 'sandbox'],
  demo: ['__tests__/support', 'sandbox'],
  bench: ['__tests__/support', 'src', 'sandbox'],
  __tests__: ['__tests__/support', 'src', 'sandbox'],
};

const root = resolve(import.meta.dirname, '..');
const toTypeScript = (from, specifier) => resolve(dirname(from), specifier.replace(/\.js$/, '.ts'));
const pathOf = file => relative(root, file).split(sep).join('/');
const folderOf = path => Object.keys(folders).find(folder => path.startsWith(`${folder}/`));

/** Why `from` may not import `to`; `undefined`: it may. */
function refusal(from, to) {
  const [mine, theirs] = [folderOf(from), folderOf(to)];
  if (mine === undefined || theirs === undefined) return undefined;
  if (mine !== theirs) {
    const allowed = folders[mine];
    if (allowed.includes(theirs)) return undefined;
    return `${mine}/ imports only itself${allowed.map(folder => ` and ${folder}/`).join('')}`;
  }
  if (mine !== 'src') return undefined;
  const [[here, ...below], [there, ...deeper]] = [from, to].map(path => path.split('/').slice(1));
  if (entryPoints.has(here) || (deeper.length === 0 && everywhere.has(there))) return undefined;
  const order = [layers.indexOf(here), layers.indexOf(there)];
  if (below.length > 0 && order[1] !== -1 && order[1] <= order[0]) return undefined;
  return `a layer imports only what is to its left (${layers.join(' → ')}), errors.ts, log.ts, text.ts, secrets.ts, needles.ts, unescaped.ts, plain-text.ts and own.ts`;
}

const boundaries = {
  meta: { type: 'problem', schema: [], messages: { refused: '{{from}} may not import {{to}}: {{why}}' } },
  create(context) {
    const from = pathOf(context.filename);
    const check = node => {
      const specifier = node.source?.value;
      if (typeof specifier !== 'string' || !specifier.startsWith('.')) return;
      const to = pathOf(toTypeScript(context.filename, specifier));
      const why = refusal(from, to);
      if (why !== undefined) context.report({ node, messageId: 'refused', data: { from, to, why } });
    };
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
    };
  },
};

const imports = new Map();
/** Files that `file` imports. */
function importsOf(file) {
  if (!imports.has(file)) {
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    const found = [...text.matchAll(/^(?:import|export)\s[^;]*?from\s+'(\.[^']+)'/gm)];
    imports.set(
      file,
      found.map(match => toTypeScript(file, match[1])),
    );
  }
  return imports.get(file);
}

const noCycle = {
  meta: { type: 'problem', schema: [], messages: { cycle: 'import cycle: {{path}}' } },
  create(context) {
    const start = context.filename;
    return {
      ImportDeclaration(node) {
        if (!node.source.value.startsWith('.')) return;
        const first = toTypeScript(start, node.source.value);
        const trail = [[first, [start, first]]];
        const seen = new Set();
        while (trail.length > 0) {
          const [file, path] = trail.pop();
          if (file === start) {
            context.report({ node, messageId: 'cycle', data: { path: path.map(pathOf).join(' → ') } });
            return;
          }
          if (seen.has(file)) continue;
          seen.add(file);
          for (const next of importsOf(file)) trail.push([next, [...path, next]]);
        }
      },
    };
  },
};

export default { rules: { boundaries, 'no-cycle': noCycle } };
