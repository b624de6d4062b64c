import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { shortened } from '../src/log.js';
import { SecretList } from '../src/secrets.js';
import { OutgoingText } from '../src/text.js';

function redact(text: string, ...secrets: readonly string[]): string {
  const list = new SecretList();
  secrets.forEach(secret => list.add(secret));
  return list.redact(text);
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('A secret is hidden', () => {
  const canary = 'correct-horse/battery+staple?';
  it.each([
    ['as it is', `a ${canary} b`, 'a *** b'],
    ['twice', `${canary},${canary}`, '***,***'],
    ['in base64', `a ${base64(canary)} b`, 'a *** b'],
    ['in base64 without padding', `a ${base64(canary).replace(/=+$/, '')}. b`, 'a ***. b'],
    ['in base64url', `a ${Buffer.from(canary).toString('base64url')} b`, 'a *** b'],
    ['in base64 of base64', `a ${base64(base64(canary))} b`, 'a *** b', base64(canary)],
    ['URL-encoded', `?p=${encodeURIComponent(canary)}&q`, '?p=***&q'],
    ['in a URL', `http://bob:${encodeURIComponent(canary)}@db/`, 'http://bob:***@db/'],
  ])('%s', (_, ...[text, shown, secret = canary]) => {
    expect(redact(text!, secret)).toBe(shown);
  });

  it.each([1, 2, 3, 4, 5])('in the base64 of more, %d bytes further on', before => {
    const shown = redact(base64(`${'x'.repeat(before)}${canary}and more`), canary);
    expect(shown).toMatch(/^[\w+/]{0,8}\*\*\*[\w+/=]{0,14}$/);
  });

  it.each([
    ['with a quote, in JSON', 'pass"word\\1', JSON.stringify({ p: 'pass"word\\1' }), '{"p":"***"}'],
    ['of several words, in a form', 'a pass word', 'p=a+pass+word', 'p=***'],
    ['with white space around it', '  password\n', 'a password b', 'a *** b'],
    ['with Windows line ends', 'first line\r\nsecond line', 'a first line\nsecond line b', 'a *** b'],
    ['line by line', '-----BEGIN KEY-----\nMIIabc\n  def0\n', 'x MIIabc\ny def0 z', 'x ***\ny *** z'],
    ['with a control character', 'pass\u0007word', 'a password b', 'a *** b'],
    ['with a colour, in JSON', 'pass\u001B[31mword', JSON.stringify('pass\u001B[31mword'), '"***"'],
    ['in JSON as Go writes it', 'p<a>s&s', String.raw`{"p":"p\u003ca\u003es\u0026s"}`, '{"p":"***"}'],
    ['at the beginning of a word', 'nickname', String.raw`C:\nickname`, String.raw`C:\***`],
    ['that is short, at the end of base64', 'abc123', base64('user:abc123'), 'dXNlcjp***'],
    ['that holds a shorter one', 'long password', 'a long password, a password', 'a ***, a ***', 'password'],
    ['that overlaps another one', 'abcdefgh', 'x abcdefghijkl y', 'x *** y', 'efghijkl'],
    ['that looks like a pattern', '$&.*(x)', 'a $&.*(x) b', 'a *** b'],
  ])('%s', (_, ...[secret, text, shown, ...more]) => {
    expect(redact(text!, secret!, ...more)).toBe(shown);
  });

  it('that was wrapped over several lines', () => {
    const long = 'correct-horse-battery-staple';
    expect(redact('token: correct-horse-\n  battery-staple\nnext', long)).toBe('token: ***\nnext');
    const whole = 'x'.repeat(30) + 'y'.repeat(100);
    const wrapped = base64(whole).replace(/.{64}/g, '$&\n');
    expect(redact(wrapped, whole)).toBe('***');
    // Each line is logged on its own.
    expect(wrapped.split('\n').map(line => redact(line, whole))).toEqual(['***', '***', '***']);
  });

  it('that was cut at the end of a word', () => {
    const words = 'correct horse battery staple, and "more"';
    for (let longest = 12; longest < words.length + 6; longest += 1) {
      const cut = shortened(`say ${words}.`, longest);
      expect(redact(cut, words)).not.toMatch(/correct|horse|battery/);
    }
  });

  it('whatever it is and wherever it stands', () => {
    const value = fc.string({ minLength: 4, maxLength: 40 }).filter(text => text.trim().length > 3 && !/\*/.test(text));
    const around = fc.constantFrom('', ' ', 'ä: ', '?q=', '"', '\n');
    fc.assert(
      fc.property(value, around, (secret, beside) => {
        for (const form of [secret, base64(secret), encodeURIComponent(secret)])
          expect(redact(`${beside}${form}${beside}`, secret)).not.toContain(form.trim());
      }),
    );
  });
});

const percent = (text: string): string => [...Buffer.from(text)].map(byte => `%${byte.toString(16)}`).join('');
const entities = (text: string, of: (point: number) => string): string =>
  Array.from(text, character => `&#${of(character.codePointAt(0)!)};`).join('');

describe('A secret does not pass the door', () => {
  const canary = `pa'ss"wörd/<&>+\\\u2603 of 0123456789 words`;
  const encodings: Readonly<Record<string, (text: string) => string>> = {
    'as it is': text => text,
    'in base64': base64,
    'in base64url': text => Buffer.from(text).toString('base64url'),
    'in base64 of 76 columns': text => base64(text.padEnd(200, '.')).replace(/.{76}/g, '$&\n'),
    'in base64 of 64 columns, indented': text => base64(text.padEnd(200, '.')).replace(/.{64}/g, '$&\r\n    '),
    'in hex': text => Buffer.from(text).toString('hex'),
    'in capital hex': text => Buffer.from(text).toString('hex').toUpperCase(),
    'in a URL': encodeURIComponent,
    'in a URL in lower case': text => encodeURIComponent(text).replace(/%../g, escape => escape.toLowerCase()),
    'in a URL, byte by byte': percent,
    'in JSON': text => JSON.stringify(text),
    'in JSON in JSON': text => JSON.stringify(JSON.stringify({ text })),
    'in JSON without its letters': text =>
      Array.from(text, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''),
    'in HTML': text =>
      text.replace(/[<>&"']/g, one => ({ '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' })[one] ?? '&#39;'),
    'in HTML by numbers': text => entities(text, String),
    'in HTML by hex numbers': text => entities(text, point => `x${point.toString(16)}`),
    'in a shell': text => `'${text.replaceAll("'", `'\\''`)}'`,
    'in a shell with backslashes': text => text.replace(/[^\w]/gu, '\\$&'),
    'in YAML': text => `'${text.replaceAll("'", "''")}'`,
    'in base64 in JSON in a URL': text => encodeURIComponent(JSON.stringify({ auth: base64(text) })),
  };

  describe.each(Object.entries(encodings))('%s', (_name, encoded) => {
    it.each(['', 'a', 'bob:', 'user:', '{"a":'])('after %j', before => {
      const text = new OutgoingText();
      text.hide(canary);
      const shown = text.safe(`x ${encoded(`${before}${canary}@host`)} y`);
      // What is left encodes what stands beside it; a character at each end may encode a part of both.
      const beside = `x ${encoded(`${before}@host`)} y`.replaceAll('\r', '');
      expect(shown).toContain('***');
      expect(shown.length).toBeLessThanOrEqual(beside.length + 12);
    });
  });

  it('escaped in one way and then in another', () => {
    const html = (text: string): string =>
      text.replaceAll('&', '&amp;').replace(/[<>"']/g, one => entities(one, String));
    const go = (text: string): string =>
      JSON.stringify(text).replace(/[<>&]/g, one => `\\u00${one.charCodeAt(0).toString(16)}`);
    const shell = (text: string): string => text.replaceAll("'", `'\\''`);
    const escapes = [JSON.stringify, go, encodeURIComponent, html, shell, (text: string) => text.replaceAll("'", "''")];
    const unit = fc.constantFrom(...Array.from(`abZ90nux25c%%\\\\"'&<>;#+/=ö☃ $!`));
    fc.assert(
      fc.property(fc.string({ unit, minLength: 10, maxLength: 20 }), secret => {
        fc.pre(secret.trim().length >= 10);
        for (const inner of escapes)
          for (const outer of escapes) expect(redact(`x ${outer(inner(secret))} y`, secret)).toContain('***');
      }),
    );
  });

  it('in the header of basic authorization', () => {
    const text = new OutgoingText();
    text.hide('correct-horse');
    for (const user of ['', 'a', 'ab', 'abc', 'alice', 'robot$shop'])
      expect(text.line(`authorization: Basic ${base64(`${user}:correct-horse`)}`)).toMatch(
        /^authorization: Basic [\w+/]*\*\*\*$/,
      );
  });

  it.each([
    ['of one line', Array.from({ length: 15_000 }, (_, at) => `word-${at}`).join(' ')],
    ['of many lines', Array.from({ length: 10_000 }, (_, at) => `key-${at}: value`).join('\n')],
    ['of long lines', Array.from({ length: 200 }, (_, at) => `line ${at} `.repeat(90).trim()).join('\n')],
    ['without a space', Array.from({ length: 15_000 }, (_, at) => `word-${at}`).join('-')],
  ])('that is huge: %s', (_what, huge) => {
    const text = new OutgoingText();
    text.hide(huge);
    const [first = ''] = huge.split('\n');
    expect(text.redact(`a ${huge} b`)).toBe('a *** b');
    expect(text.redact(`a ${base64(huge)} b`)).toBe('a *** b');
    expect(text.redact(`a ${encodeURIComponent(huge)} b`)).toBe('a *** b');
    expect(text.redact(JSON.stringify([huge]))).toBe('["***"]');
    for (const line of [huge.split('\n').at(-1)!, first]) expect(text.redact(`a ${line} b`)).toBe('a *** b');
    for (const longest of [60, 900, 90_000])
      expect(text.redact(`a ${shortened(huge, longest)}`)).toMatch(/^a (\*\*\*|\(\d+ characters\))\s*$/);
  });
});

describe('A hostile text', () => {
  it.each([
    '\\',
    '%',
    '&#',
    "'",
    'A',
    'a=',
    '…',
    'pass…',
    '\n',
    '\u001B[',
    '\u001B]',
    '#\u200B',
    '\u200B:',
    '\\u00',
    '%2',
    '%5C',
    '%25',
    '%26amp',
    '&amp;',
    '\\%25',
    '\\u0026',
  ])('of many %j is gone through once', part => {
    const text = new OutgoingText();
    text.hide('password');
    // An expression that tries every way to divide the text would never end.
    expect(text.safe(part.repeat(100_000)).length).toBeLessThanOrEqual(2 * part.length * 100_000);
  });
});

describe('What is no secret is left', () => {
  it.each([
    ['a value of three characters', 'abc', 'abcabc'],
    ['white space', ' \n  \t ', 'a \n  \t b'],
    ['asterisks', '*****', 'a ***** b'],
    ['other words', 'password', 'a passwort, pass word'],
  ])('%s', (_, secret, text) => {
    expect(redact(text, secret)).toBe(text);
  });

  it('of many secrets and a long text, quickly', () => {
    const list = new SecretList();
    for (let at = 0; at < 300; at += 1) list.add(`-----secret number ${at}-----\n`.repeat(20) + `end ${at * 7919}`);
    const text = 'a line of a long summary, end of it\n'.repeat(20_000);
    expect(list.redact(text)).toBe(text);
  });
});
