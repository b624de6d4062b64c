import { describe, expect, it } from '@jest/globals';
import { syntheticTraffic } from '../../src/inputs/parse/synthetic-traffic.js';
import { problems, read } from '../support/step-inputs.js';

const parse = syntheticTraffic({ PR: '41' });
const deploy = { manifests: 'k8s' };

describe('the input synthetic-traffic', () => {
  it.each([
    ['auto', { kind: 'auto' }],
    ['false', { kind: 'off' }],
    ['path: /healthz', { kind: 'on', path: '/healthz', perSecond: 5 }],
    ['{url: https://shop.example.com, rate: 10}', { kind: 'on', url: 'https://shop.example.com', perSecond: 10 }],
    ['max-failures: 0', { kind: 'on', perSecond: 5, maxFailures: 0 }],
    ['url: https://pr-$<PR>.example.com/', { kind: 'on', url: 'https://pr-41.example.com/', perSecond: 5 }],
  ])('is parsed as documented: %s', (text, expected) => {
    expect(parse(text)).toEqual(expected);
  });

  it('is auto where it is omitted', () => {
    expect(read(deploy)).toMatchObject({ syntheticTraffic: { kind: 'auto' } });
  });

  it.each([
    ['true', 'synthetic-traffic: received "true", accepted: auto | false | a map of url, path, rate, max-failures'],
    ['- /', 'synthetic-traffic: received "- /", accepted: auto | false | a map of url, path, rate, max-failures'],
    ['adress: /', 'synthetic-traffic: its map: unknown key "adress" (accepted: url, path, rate, max-failures)'],
    ['rate: 0', 'synthetic-traffic: its map: rate: received "0", accepted: a whole number, from 1 to 50'],
    ['rate: 51', 'synthetic-traffic: its map: rate: received "51", accepted: a whole number, from 1 to 50'],
    [
      'max-failures: -1',
      'synthetic-traffic: its map: max-failures: received "-1", accepted: a whole number, from 0 to 1000000',
    ],
    ['path: healthz', 'synthetic-traffic: its map: path: received "healthz", accepted: a path such as /healthz'],
    [
      'path: //169.254.169.254/latest/',
      'synthetic-traffic: its map: path: a path that begins with // can be read as the name of a host; begin it with a single /',
    ],
    [
      'path: $<PREFIX:-/>/healthz',
      'synthetic-traffic: its map: path: a path that begins with // can be read as the name of a host; begin it with a single /',
    ],
    [
      'url: shop.example.com',
      'synthetic-traffic: its map: url: received "shop.example.com", accepted: a URL with http or https, such as https://shop.example.com',
    ],
    [
      '{url: "https://shop.example.com/a", path: /b}',
      'synthetic-traffic: its map: path is set, and url has a path too; write the path in one of them',
    ],
    [
      'url: https://$<HOST>',
      'synthetic-traffic: $<HOST> is not defined; set it in "variables", or write $<HOST:-default>.',
    ],
    ['{', 'synthetic-traffic: cannot be read as YAML: '],
  ])('refuses %s', (text, reason) => {
    expect(problems({ ...deploy, 'synthetic-traffic': text })).toEqual([expect.stringContaining(reason)]);
  });

  it('does not quote a password in a URL', () => {
    const lines = problems({ ...deploy, 'synthetic-traffic': 'url: https://ann:hunter22@shop.example.com' });
    expect(lines).toEqual([expect.stringContaining('url contains credentials')]);
    expect(lines.join()).not.toContain('hunter22');
  });

  it('blames only the variables where those cannot be read', () => {
    const lines = problems({ ...deploy, variables: '1 = x', 'synthetic-traffic': 'url: https://$<HOST>' });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^variables: /);
  });

  it('uses variables, so that they are not refused beside it', () => {
    const inputs = { action: 'promote', variables: 'PR=41', 'synthetic-traffic': 'url: https://pr-$<PR>.example.com' };
    expect(read(inputs)).toMatchObject({ syntheticTraffic: { url: 'https://pr-41.example.com' } });
  });

  it('is refused by an action that moves no users', () => {
    expect(problems({ action: 'reject', 'synthetic-traffic': 'auto' })).toEqual([
      expect.stringMatching(/^synthetic-traffic: /),
    ]);
  });
});
