import { unescaped, type Range } from './unescaped.js';

/** What stands before the password in an address. */
const beforePassword = /:\/\/[^\s:/?#@"'<>]{0,200}:/g;
/** What ends a password, or a part of it: a quote does not between two other characters, as in `it's`. `…` is where a text was cut. */
const delimiter = /[\s"<>@…]|(?<!\w'?)'|'(?!'?\w)/g;
/** A port, of an address whose scheme has a path after it in which an @ is usual. In others, a number and a / can begin a password. */
const port = /^\d{1,5}(?:[/?#…]|$)/;
const withPath = /\b(?:https?|wss?|ftps?|oci|docker|docker-pullable|containerd|ssh|git|tcp)$/i;

const name = '(?:passw(?:or)?d|passphrase|pwd|token|secret|(?:api|access|account|private).?key|sig(?:nature)?)';
const value = `(?:(?:[^\\s"'<>&;]|(?<=\\w)'{1,2}(?=\\w))+|'[^'\\n]+')`;
const others = [
  // `https://token@host`
  `\\bhttps?://(?<secret>[^\\s:/?#@"'<>]{1,500})@`,
  // `user:password@tcp(host:3306)/name`, as in Go
  `\\b[\\w.-]{1,100}:(?<secret>[^\\s"<>]{1,200})@(?:tcp6?|udp|unix)\\(`,
  // `?user=name&password=secret`, `Server=host;Password=secret`
  `[?&;][\\w.-]{0,50}${name}=(?<secret>${value})`,
  // `host=host password=secret`
  `(?<![^\\s"'])(?:ssl)?(?:password|passwd|pwd)[ ]?=[ ]?(?<secret>${value})`,
].map(source => new RegExp(source, 'gid'));

/** Text in base64, over several lines of 60 to 76 characters. */
const encoded = /[\w+/-]{20,}(?:(?<=(?<![\w+/-])[\w+/-]{60,76})\r?\n[ \t]*[\w+/-]+)*={0,2}/g;

/**
 * Where the credentials in addresses and connection strings are, as they are and escaped for JSON, URLs, HTML, shells and YAML.
 * Of an HTTP address, a user name without a password is one: that is mostly a token. What has one in base64 is one as a whole.
 */
export function credentialsIn(text: string): Range[] {
  if (!/[:=%\\]|[\w+/-]{20}/.test(text)) return [];
  const ranges = [...plainCredentialsIn(text), ...encodedCredentialsIn(text)];
  if (!/[\\%&'"]/.test(text)) return ranges;
  // An escaped space is a part of the address.
  const inner = unescaped(
    text.replace(/%(?:25)*20/g, space => '_'.repeat(space.length)),
    ' ',
  );
  for (const find of [plainCredentialsIn, encodedCredentialsIn])
    for (const range of find(inner.text)) ranges.push(inner.originOf(range));
  return ranges;
}

function* plainCredentialsIn(text: string): Generator<Range> {
  if (text.includes('://')) yield* passwordsIn(text);
  if (!/[@=]/.test(text)) return;
  for (const pattern of others)
    for (const { indices } of text.matchAll(pattern)) {
      const range = indices?.groups?.['secret'];
      if (range !== undefined) yield range;
    }
}

/** The passwords in addresses. The last @ ends one, which can have others. The time is in proportion to the length of the text. */
function* passwordsIn(text: string): Generator<Range> {
  let [from, stop] = [0, -1];
  const delimiterFrom = (at: number): number => {
    if (stop >= at) return stop;
    delimiter.lastIndex = at;
    stop = delimiter.exec(text)?.index ?? text.length;
    return stop;
  };
  for (const { 0: found, index } of text.matchAll(beforePassword)) {
    if (index < from) continue;
    from = index + found.length;
    if (port.test(text.slice(from, from + 6)) && withPath.test(text.slice(Math.max(0, index - 20), index))) continue;
    let to = from;
    for (let at = delimiterFrom(from); text[at] === '@' || text[at] === '…'; at = delimiterFrom(at + 1)) {
      // After a comma, the @ is that of the next address.
      if (to > from && (at === to + 1 || text.slice(to, at).includes(','))) break;
      to = at;
    }
    if (to === from) continue;
    yield [from, to];
    from = to;
  }
}

function* encodedCredentialsIn(text: string): Generator<Range> {
  for (const { 0: found, index } of text.matchAll(encoded)) {
    const characters = found.replace(/\s+/g, '');
    // Where a part was cut off in front, the groups of four begin later.
    const hasOne = [0, 1, 2, 3].some(start => {
      const decoded = Buffer.from(characters.slice(start), 'base64').toString('latin1');
      return !plainCredentialsIn(unescaped(decoded, ' ').text).next().done;
    });
    if (hasOne) yield [index, index + found.length];
  }
}
