import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { neutralised, OutgoingText } from '../src/text.js';
import { hostileText } from './support/hostile-text.js';
import { CommandReader } from './support/runner/commands.js';

/** The commands that the runner would obey in a text that is printed as it is. */
function commandsIn(text: string): readonly string[] {
  const reader = new CommandReader();
  for (const line of text.split(/\r\n|[\r\n\u2028\u2029]/)) {
    reader.read(line);
    // The runner compares by the rules of a language, which skip characters without a width.
    reader.read(line.replace(/\p{Cf}/gu, ''));
  }
  return reader.obeyed.map(({ name }) => name);
}

describe('Outgoing text', () => {
  it.each([
    ['a plain text: with a colon', 'a plain text: with a colon'],
    ['first\n\n  second\twith a tab\n', 'first\n\n  second\twith a tab\n'],
    ['::stop-commands::x', ': :stop-commands::x'],
    ['one\n  ::add-mask::x', 'one\n  : :add-mask::x'],
    ['\u00A0\t::add-mask::x', '\u00A0\t: :add-mask::x'],
    [':::group::x', ': ::group::x'],
    ['one\r::group::x\r\n::group::y', 'one\n: :group::x\n: :group::y'],
    ['one\u2028::group::x', 'one\n: :group::x'],
    ['in std::vector<a>::at', 'in std::vector<a>::at'],
    ['and ##[add-mask]x and ###[group]y', 'and ## [add-mask]x and ### [group]y'],
    ['\u001B[31mred\u001B[0m \u009B1mbold \u001B]8;;http://a\u0007link\u001B]8;;\u001B\\', 'red bold link'],
    ['\u001B[0m::group::x', ': :group::x'],
    [':\u001B[0m:group::x', ': :group::x'],
    ['#\u0000#\u0007[group]x', '## [group]x'],
    ['\u200B::group::x ##\u00AD[group]', '\u200B: :group::x ## \u00AD[group]'],
    ['an \u202Eolleh\u202C and \u0085 and \u007F', 'an olleh and  and '],
    ['family \u{1F468}\u200D\u{1F469}\u200D\u{1F467} ünï', 'family \u{1F468}\u200D\u{1F469}\u200D\u{1F467} ünï'],
  ])('of %j is %j', (text, safe) => {
    expect(new OutgoingText().safe(text)).toBe(safe);
  });

  it.each([
    ['postgres://app:hunter2@db:5432/x', 'postgres://app:***@db:5432/x'],
    ['"amqp://a:b@one","amqp://c:d@two"', '"amqp://a:***@one","amqp://c:***@two"'],
    ['redis://:p@ss/w0rd@cache', 'redis://:***@cache'],
    [
      'https://ghp_token@github.com/a and ssh://git@github.com/a',
      'https://***@github.com/a and ssh://git@github.com/a',
    ],
    ['http://localhost:4873/@scope/name', 'http://localhost:4873/@scope/name'],
    ['http://user:12345@host', 'http://user:***@host'],
    ['mona@example.com: http://example.com/', 'mona@example.com: http://example.com/'],
    ['postgres://app:2024/canary@db/shop', 'postgres://app:***@db/shop'],
    ["postgres://app:it's-canary@db/shop", 'postgres://app:***@db/shop'],
    ["'postgres://app:it''s-canary@db'", "'postgres://app:***@db'"],
    ['app:canary@tcp(db:3306)/shop', 'app:***@tcp(db:3306)/shop'],
    ['jdbc:postgresql://db/shop?user=app&password=canary', 'jdbc:postgresql://db/shop?user=app&password=***'],
    ['"Server=db;User Id=app;Password=canary;"', '"Server=db;User Id=app;Password=***;"'],
    ["host=db password='my canary' user=app", 'host=db password=*** user=app'],
    [`https://a.blob/b?sv=1&sig=${'canary'.repeat(200)}`, 'https://a.blob/b?sv=1&sig=***'],
    [String.raw`"mysql:\/\/app:canary@db\/shop"`, String.raw`"mysql:\/\/app:***@db\/shop"`],
    [String.raw`"https:\u002f\u002fapp:canary@db"`, String.raw`"https:\u002f\u002fapp:***@db"`],
    ['next=https%3A%2F%2Fapp%3Acanary%40db%2F', 'next=https%3A%2F%2Fapp%3A***%40db%2F'],
    ['next=amqp%3A%2F%2Fapp%3Amy%2520canary%40mq', 'next=amqp%3A%2F%2Fapp%3A***%40mq'],
    ['https%3A%2F%2Fghp_canary%40github.com', 'https%3A%2F%2F***%40github.com'],
    [String.raw`{\"db\":\"x?a=b\\u0026password=canary\"}`, String.raw`{\"db\":\"x?a=b\\u0026password=***\"}`],
    ['x postgres://app:canary,…', 'x postgres://app:***…'],
    ['https://registry:5000/web/site@sha256:0123', 'https://registry:5000/web/site@sha256:0123'],
    ['docker-pullable://registry:5000/site@sha256:0123', 'docker-pullable://registry:5000/site@sha256:0123'],
    ['the password = of the token = is', 'the password = *** the token = is'],
    ['http://localhost:8080… and http://localhost:8080', 'http://localhost:8080… and http://localhost:8080'],
    [
      String.raw`{"a":"at http://web:8080\nby mona@example.com"}`,
      String.raw`{"a":"at http://web:8080\nby mona@example.com"}`,
    ],
  ])('has no credentials of an address: %j becomes %j', (text, safe) => {
    expect(new OutgoingText().safe(text)).toBe(safe);
  });

  it.each([
    'postgres://app:canary@db/shop',
    '{"url":"https://app:canary@db"}',
    String.raw`{"url":"https:\/\/app:canary@db"}`,
    `listening on port 8080\n${'of a long text '.repeat(10)}amqp://app:canary@mq\nmore`,
  ])('has no credentials of an address in base64: %j', address => {
    const text = new OutgoingText();
    const encoded = Buffer.from(address).toString('base64');
    for (const written of [encoded, encoded.replaceAll('/', '\\/'), encoded.replace(/.{76}/g, '$&\n  ')])
      expect(text.safe(`data: ${written}\nend`)).toBe('data: ***\nend');
    expect(text.safe(`data: ${encoded.replace(/.{76}/g, '$&\r\n  ')}\nend`)).not.toContain(encoded.slice(-12));
    for (const cut of [1, 2, 3]) expect(text.safe(`data: …${encoded.slice(cut)}`)).toBe('data: …***');
    expect(text.safe(`data: ${Buffer.from('a text of no address').toString('base64')}`)).not.toContain('***');
  });

  it('is one line where a line is needed', () => {
    expect(new OutgoingText().line('one\r\n::group::two\n\nthree')).toBe('one : :group::two three');
  });

  it('stays as it is when it passes again', () => {
    const text = new OutgoingText();
    fc.assert(fc.property(hostileText, hostile => expect(text.safe(text.safe(hostile))).toBe(text.safe(hostile))));
  });

  it('never holds a command for the runner', () => {
    const text = new OutgoingText();
    text.hide('hunter2');
    let harmful = 0;
    const harmless = fc.property(hostileText, hostile => {
      if (commandsIn(hostile).length > 0) harmful += 1;
      expect(commandsIn(text.safe(hostile))).toEqual([]);
      expect(commandsIn(text.line(hostile))).toEqual([]);
    });
    fc.assert(harmless, { numRuns: 10_000 });
    // Otherwise the texts would prove nothing.
    expect(harmful).toBeGreaterThan(1_000);
  });

  it('never holds a control character but tab and line feed', () => {
    const text = new OutgoingText();
    const printable = fc.property(hostileText, hostile => {
      expect(text.safe(hostile)).not.toMatch(/(?![\t\n])[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]/u);
    });
    fc.assert(printable, { numRuns: 10_000 });
  });

  it('takes time in proportion to its length', () => {
    for (const part of [
      ' ',
      '\n',
      '#',
      ':',
      '\u001B',
      '\u001B]',
      '\u200B',
      '\u001B[',
      'pass',
      '://a:',
      '@',
      '://a:@',
      'https://a',
      "://a:'b",
      'a:a',
      '&password',
      'password=',
      'a@tcp(',
      'YTovL2I6Y0Bk',
      '%3A//a:',
    ])
      expect(neutralised(new OutgoingText().safe(part.repeat(200_000))).length).toBeLessThan(2_000_000);
  });
});
