import { describe, expect, it } from '@jest/globals';
import { actionsLog } from '../../src/log.js';
import { hideSecret } from '../../src/manifests/secret-values.js';
import { secretParts } from '../../src/manifests/secret-parts.js';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const canary = 'horse-battery+9';
const login = base64(`robot:${canary}`);

describe('The part of a Secret is hidden without the rest', () => {
  it.each([
    ['a docker login', JSON.stringify({ auths: { 'ghcr.io': { username: 'robot', password: canary } } })],
    ['a docker login that has only the auth', JSON.stringify({ auths: { 'ghcr.io': { auth: login } } })],
    ['JSON over several lines', JSON.stringify({ database: { hosts: ['db'], passphrase: canary } }, null, 2)],
    ['JSON under a name that tells nothing', JSON.stringify({ a: [{ b: canary }] })],
    ['JSON in a text of JSON', JSON.stringify({ config: JSON.stringify({ key: canary }) })],
    ['YAML', `db:\n  url: jdbc:postgresql://db/shop\n  password: ${canary}\n`],
    ['YAML with quotes and a comment', `db: {password: '${canary}'} # of the database\n`],
    ['the second document of YAML', `a: b\n---\nlist:\n  - name: x\n    value: ${canary}\n`],
    ['YAML with a tag that is not known', `a: !vault b\npassword: ${canary}\n`],
    ['lines of an environment file', `A=b\r\nexport DB_PASS="${canary}"\r\n`],
    ['lines of a properties file', `# comment\ndb.url = x\ndb.password = ${canary}\n`],
    ['an address', `postgres://robot:${canary}@db/shop`],
    ['an address, URL-encoded', `postgres://robot:${encodeURIComponent(canary)}@db/shop`],
    ['an address in JSON', JSON.stringify({ url: `amqp://robot:${canary}@mq` })],
    ['base64', base64(canary)],
    ['base64 of a login', login],
    ['base64 of JSON, over YAML', `config: ${base64(JSON.stringify({ token: canary }))}\n`],
  ])('of %s', (_, text) => {
    const log = actionsLog();
    hideSecret(log, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' }, data: { key: base64(text) } });
    expect(log.text.safe(`refused: ${canary}.`)).toBe('refused: ***.');
    expect(log.text.safe(`refused: ${base64(canary)}.`)).toBe('refused: ***.');
  });
});

describe('The parts of a Secret', () => {
  it('are no words and numbers that other texts have, but those under a telling name', () => {
    const text = JSON.stringify({
      log: { level: 'production' },
      port: 5432,
      ip: '10.96.0.10',
      on: true,
      pin: 1,
      q: '',
    });
    expect([...secretParts(text)]).toEqual([]);
    expect([...secretParts('user: robot\npassword: letmein\n')]).toEqual(['letmein']);
    expect([...secretParts('{"password": 12345678}')]).toEqual(['12345678']);
  });

  it.each([
    ['a text', 'correct horse battery'],
    ['a word', 'production'],
    ['a private key', '-----BEGIN PRIVATE KEY-----\nMIIabc\n-----END PRIVATE KEY-----\n'],
    ['a text that is no YAML', '{a: ['],
    ['bytes', '\u0000\u0001\uFFFD'],
  ])('are none in %s', (_, text) => {
    expect([...secretParts(text)]).toEqual([]);
  });

  it('are found in bounded time, whatever the text', () => {
    const bomb = ['a0: &a0 [x, x]', ...Array.from({ length: 60 }, (__, n) => `a${n + 1}: &a${n + 1} [*a${n}, *a${n}]`)];
    const texts = [
      bomb.join('\n'),
      '&a [*a]',
      '['.repeat(20_000),
      '://a:'.repeat(19_000),
      `a=${' '.repeat(90_000)}b`,
      'a:'.repeat(45_000),
      '"'.repeat(90_000),
    ];
    for (const text of texts) expect(secretParts(text).size).toBeLessThan(20);
  });
});
