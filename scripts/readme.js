// Writes the tables of README.md from action.yml, between their markers, and the line under each heading of docs/inputs.md from
// src/inputs/table.ts. `--check` only compares.
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { load } from 'js-yaml';
import { format, resolveConfig } from 'prettier';

const repair = 'npm run readme';

/** README.md with every table as in action.yml. */
function withTables(readme, { inputs, outputs }) {
  return [
    ['inputs', table(['Input', 'Default', 'Meaning'], Object.entries(inputs).map(inputRow))],
    ['outputs', table(['Output', 'Meaning'], Object.entries(outputs).map(outputRow))],
  ].reduce((text, [name, rows]) => between(text, { name, rows }), readme);
}

function between(text, { name, rows }) {
  const [begin, end] = [`<!-- ${name}: from action.yml -->`, `<!-- end of ${name} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`README.md lacks the markers "${begin}" and "${end}"`);
  // The formatter would pad every cell of a column to the longest one.
  const kept = `<!-- prettier-ignore-start -->\n\n${rows}\n\n<!-- prettier-ignore-end -->`;
  return `${text.slice(0, from + begin.length)}\n${kept}\n${text.slice(to)}`;
}

const table = (head, rows) => [head, head.map(() => '---'), ...rows].map(row => `| ${row.join(' | ')} |`).join('\n');

/** An input without a default in action.yml has it in its description: Default: `x`. */
const describedDefault = /\s*Default:\s+(`[^`]+`)\./;

function inputRow([name, { description, default: value }]) {
  const fallback = value === undefined ? (describedDefault.exec(description)?.[1] ?? '') : `\`${value}\``;
  return [`\`${name}\``, fallback, cell(description.replace(describedDefault, ''))];
}

const outputRow = ([name, { description }]) => [`\`${name}\``, cell(description)];

/** A description of one paragraph as a table cell, with its reference to docs/inputs.md as a link. */
const cell = description =>
  description
    .trim()
    .replaceAll(/\s+/g, ' ')
    .replaceAll('|', '\\|')
    .replace(/See (docs\/inputs\.md#[-a-z]+)\.$/, '[Details]($1)');

/** docs/inputs.md with the default and the actions of each input under its heading. */
function withDefinitions(page, inputs, { inputTable: definitions, strategyNames }) {
  const [introduction, ...sections] = page.split(/^## /m);
  const headings = sections.map(section => section.slice(0, section.indexOf('\n')));
  const names = Object.keys(definitions);
  if (headings.join() !== names.join()) {
    throw new Error(`docs/inputs.md must have one section per input, in the order of action.yml: ${names.join(', ')}`);
  }
  const written = sections.map((section, index) => {
    const name = names[index];
    const [, body] = /^[^\n]*\n+(?:Default: [^\n]*\n+|No default\. [^\n]*\n+)?([^]*)$/.exec(section);
    return `${name}\n\n${definitionLine(definitions[name], { input: inputs[name], strategyNames })}\n\n${body}`;
  });
  return [introduction, ...written].join('## ');
}

function definitionLine({ actions, default: value }, { input, strategyNames }) {
  const fallback = value ?? input?.default;
  return `${fallback === undefined ? 'No default.' : `Default: \`${fallback}\`.`} Actions: ${actionNames(actions, strategyNames)}.`;
}

/** The actions as users write them; `plan` takes the inputs of `deploy`. */
function actionNames(actions, strategyNames) {
  const strategies = strategyNames.filter(strategy => actions.includes(strategy));
  const others = actions.filter(action => !strategyNames.includes(action)).map(action => `\`${action}\``);
  if (strategies.length === 0) return others.join(', ');
  if (strategies.length === strategyNames.length) return ['`deploy`', '`plan`', ...others].join(', ');
  const only = strategies.map(strategy => `\`strategy: ${strategy}\``).join(' or ');
  return [`\`deploy\` and \`plan\` with ${only}`, ...others].join(', ');
}

async function readDefinitions() {
  const outfile = resolve('node_modules/.cache/cutover/input-table.mjs');
  await build({
    stdin: {
      contents: "export { inputTable } from './table.js'; export { strategyNames } from './actions.js';",
      resolveDir: 'src/inputs',
    },
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    logLevel: 'warning',
  });
  return import(pathToFileURL(outfile).href);
}

const formatted = async (file, text) => format(text, { ...(await resolveConfig(file)), parser: 'markdown' });

const action = load(readFileSync('action.yml', 'utf8'));
const definitions = await readDefinitions();
const pages = {
  'README.md': readme => withTables(readme, action),
  'docs/inputs.md': page => withDefinitions(page, action.inputs, definitions),
};
for (const [file, generate] of Object.entries(pages)) {
  const current = readFileSync(file, 'utf8');
  const expected = await formatted(file, generate(current));
  if (!process.argv.includes('--check')) writeFileSync(file, expected);
  else if (current === expected) console.log(`${file} matches action.yml and src/inputs/table.ts`);
  else {
    console.error(`${file} does not match action.yml or src/inputs/table.ts.\nRun: ${repair}, and commit ${file}`);
    process.exitCode = 1;
  }
}
