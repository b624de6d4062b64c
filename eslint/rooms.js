// The corridor of docs/architecture.md as two lint rules: a room imports only rooms to its left, and no file
// imports itself through others.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';

export const corridor = [
  'inputs',
  'manifests',
  'registry',
  'plan',
  'cluster',
  'release',
  'rollout',
  'verify',
  'strategies',
  'github',
  'report',
];
const everywhere = new Set(['errors.ts', 'log.ts']);
const doors = new Set(['main.ts', 'post.ts', 'index.ts']);

const source = resolve(import.meta.dirname, '..', 'src');
const toTypeScript = (from, specifier) => resolve(dirname(from), specifier.replace(/\.js$/, '.ts'));
const place = file => relative(source, file).split(sep);

const leftOnly = {
  meta: {
    type: 'problem',
    schema: [],
    messages: { right: '{{from}} may not import {{to}}: rooms import only rooms to their left ({{order}})' },
  },
  create(context) {
    const here = place(context.filename);
    if (here[0] === '..' || doors.has(here[0])) return {};
    const check = node => {
      if (!node.source || !node.source.value.startsWith('.')) return;
      const there = place(toTypeScript(context.filename, node.source.value));
      if (there.length === 1 && everywhere.has(there[0])) return;
      const mine = corridor.indexOf(here[0]);
      const theirs = corridor.indexOf(there[0]);
      const fine = here.length === 1 ? false : theirs !== -1 && theirs <= mine;
      if (!fine)
        context.report({
          node,
          messageId: 'right',
          data: { from: here.join('/'), to: there.join('/'), order: corridor.join(' → ') },
        });
    };
    return { ImportDeclaration: check, ExportNamedDeclaration: check, ExportAllDeclaration: check };
  },
};

const imports = new Map();
/** Files that `file` imports at run time (type-only imports vanish when compiled, so they cannot make a cycle). */
function importsOf(file) {
  if (!imports.has(file)) {
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    const found = [...text.matchAll(/^(?:import|export)\s+(?!type\b)[^;]*?from\s+'(\.[^']+)'/gm)];
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
        if (node.importKind === 'type' || !node.source.value.startsWith('.')) return;
        const first = toTypeScript(start, node.source.value);
        const trail = [[first, [start, first]]];
        const seen = new Set();
        while (trail.length > 0) {
          const [file, path] = trail.pop();
          if (file === start) {
            context.report({
              node,
              messageId: 'cycle',
              data: { path: path.map(step => relative(resolve(source, '..'), step)).join(' → ') },
            });
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

export default { rules: { 'left-only': leftOnly, 'no-cycle': noCycle } };
