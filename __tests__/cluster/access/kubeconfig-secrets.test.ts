import { describe, expect, it } from '@jest/globals';
import { secretsIn } from '../../../src/cluster/access/kubeconfig-secrets.js';

const secretsOf = (user: object, cluster: object = {}): readonly string[] =>
  secretsIn({ source: 'a', context: 'a', user: { ...user }, cluster: { server: 'https://api', ...cluster } });

describe('The secrets of a kubeconfig', () => {
  it.each([
    ['a token', { token: 'hush' }, {}, ['hush']],
    ['a password and a key', { username: 'me', password: 'hush', 'client-key-data': 'a2V5' }, {}, ['hush', 'a2V5']],
    [
      'a legacy provider',
      { 'auth-provider': { name: 'oidc', config: { 'id-token': 'id', 'client-secret': 'hush', 'client-id': 'x' } } },
      {},
      ['id', 'hush'],
    ],
    [
      'the variables of a plugin',
      {
        exec: {
          env: [
            { name: 'REGION', value: 'here' },
            { name: 'CLIENT_SECRET', value: 'hush' },
          ],
        },
      },
      {},
      ['hush'],
    ],
    [
      'the arguments of a plugin',
      { exec: { args: ['get-token', '--client-secret=hush', '--password', 'also', '--token', '--login', 'spn'] } },
      {},
      ['hush', 'also'],
    ],
    ['the address of the server', {}, { server: 'https://me:hu%2Bsh@api' }, ['hu%2Bsh', 'hu+sh']],
    ['the address of a proxy', {}, { 'proxy-url': 'http://me:hush@proxy:3128' }, ['hush', 'hush']],
    ['nothing', { exec: { env: null, args: 'no list' } }, { 'proxy-url': 7 }, []],
  ])('are found in %s', (...[, user, cluster, secrets]) => {
    expect(secretsOf(user, cluster)).toEqual(secrets);
  });
});
