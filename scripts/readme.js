// Writes the tables of README.md from action.yml, between their markers. `--check` only compares.
import { readFileSync, writeFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { format, resolveConfig } from 'prettier';

const file = 'README.md';
const repair = 'npm run readme';

/** The README with every table as action.yml says it, formatted as the formatter wants it. */
export async function withTables(readme, actionYml) {
  const { inputs, outputs } = load(actionYml);
  const filled = [
    ['inputs', table(['Input', 'Default', 'Meaning'], Object.entries(inputs).map(inputRow))],
    ['outputs', table(['Output', 'Meaning'], Object.entries(outputs).map(outputRow))],
  ].reduce((text, [name, rows]) => between(text, { name, rows }), readme);
  return format(filled, { ...(await resolveConfig(file)), parser: 'markdown' });
}

function between(text, { name, rows }) {
  const [begin, end] = [`<!-- ${name}: from action.yml -->`, `<!-- end of ${name} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`${file} lacks the markers "${begin}" and "${end}"`);
  // The formatter would pad every cell of a column to the longest one, which is a page long.
  const kept = `<!-- prettier-ignore-start -->\n\n${rows}\n\n<!-- prettier-ignore-end -->`;
  return `${text.slice(0, from + begin.length)}\n${kept}\n${text.slice(to)}`;
}

const table = (head, rows) => [head, head.map(() => '---'), ...rows].map(row => `| ${row.join(' | ')} |`).join('\n');

/** Where action.yml has no default, the description tells it in a line of its own: Default: `x`. */
const toldDefault = /\n*^Default: (`[^`]+`)\.$/m;

function inputRow([name, { description, default: value }]) {
  const told = toldDefault.exec(description)?.[1] ?? '';
  return [`\`${name}\``, value === undefined ? told : `\`${value}\``, cell(description.replace(toldDefault, ''))];
}

const outputRow = ([name, { description }]) => [`\`${name}\``, cell(description)];

/** A description in one table cell: paragraphs, lists and code blocks become the HTML that GitHub shows there. */
function cell(description) {
  return description
    .trim()
    .split(/^```\w*\n([^]*?)^```$/m)
    .map((part, index) => (index % 2 === 1 ? codeBlock(part) : prose(part)))
    .join('');
}

const escapeBar = text => text.replaceAll('|', '\\|');

const prose = text =>
  text
    .trim()
    .split(/\n{2,}/)
    .filter(paragraph => paragraph !== '')
    .map(paragraph => (paragraph.startsWith('- ') ? list(paragraph) : escapeBar(joined(paragraph))))
    .join('<br><br>')
    .replaceAll('<br><br><ul>', '<ul>')
    .replaceAll('</ul><br><br>', '</ul>');

const joined = lines => lines.split(/\s*\n\s*/).join(' ');

const list = paragraph =>
  `<ul>${paragraph
    .split(/^- /m)
    .slice(1)
    .map(item => `<li>${escapeBar(joined(item.trim()))}</li>`)
    .join('')}</ul>`;

const codeBlock = code =>
  `<pre>${code
    .trimEnd()
    .replace(/[&<>|$*_`[\]]/g, sign => `&#${sign.codePointAt(0)};`)
    .replaceAll('\n', '<br>')}</pre>`;

if (process.argv[1]?.endsWith('readme.js')) {
  const now = readFileSync(file, 'utf8');
  const wanted = await withTables(now, readFileSync('action.yml', 'utf8'));
  if (process.argv.includes('--check')) {
    if (now !== wanted) {
      console.error(`${file} does not say what action.yml says.\nRun: ${repair}, and commit ${file}`);
      process.exit(1);
    }
    console.log(`${file} says what action.yml says`);
  } else writeFileSync(file, wanted);
}
