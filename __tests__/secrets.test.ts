import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { shortened } from '../src/log.js';
import { SecretList } from '../src/secrets.js';

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
    expect(redact(wrapped, whole)).toBe('***\n***\n***');
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
