import { describe, expect, it } from '@jest/globals';
import { expiryOf } from '../../../src/cluster/access/credential-expiry.js';

/** Valid until 25 November 2036, 13:54:17 UTC. Its key is thrown away. */
const certificate = [
  '-----BEGIN CERTIFICATE-----',
  'MIIBdDCCARugAwIBAgIUI+oagOVe4kDOgCKMMlFGynTGGBMwCgYIKoZIzj0EAwIw',
  'EDEOMAwGA1UEAwwFYWxpY2UwHhcNMjYxMTI4MTM1NDE3WhcNMzYxMTI1MTM1NDE3',
  'WjAQMQ4wDAYDVQQDDAVhbGljZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABHXZ',
  'XeeQ30w8AhTmZJP/8zqGED25LfoMjRQAAZY0AOOlefvg0t5tOdHyD6upUxbzKqzo',
  'yqnjEvRk7IAfPDc+4j+jUzBRMB0GA1UdDgQWBBQdBml5QhYaRGeQ1S9AbDkWr4Nb',
  'jjAfBgNVHSMEGDAWgBQdBml5QhYaRGeQ1S9AbDkWr4NbjjAPBgNVHRMBAf8EBTAD',
  'AQH/MAoGCCqGSM49BAMCA0cAMEQCICRqjW2lSyxWLKKgQ8Wros0aByl9XQMP5MOg',
  '+MWi8RpbAiBD2tRZB/rSzgcpv8AJ3su6wYultrfKyzHVXGFssGhzGA==',
  '-----END CERTIFICATE-----',
].join('\n');
const endOfCertificate = Date.UTC(2036, 10, 25, 13, 54, 17);
const data = Buffer.from(certificate).toString('base64');

const encoded = (value: string): string => Buffer.from(value).toString('base64url');
const jwt = (payload: string): string => `${encoded('{"alg":"none"}')}.${encoded(payload)}.c2ln`;
const of = (user: Readonly<Record<string, unknown>>) =>
  expiryOf({ source: 'input kubeconfig', context: 'a', user, cluster: { server: 'https://api' } });

describe('when credentials end', () => {
  it('is what a client certificate says', () => {
    expect(of({ 'client-certificate-data': data })).toEqual({
      ...{ what: 'client certificate', source: 'input kubeconfig' },
      atMs: endOfCertificate,
    });
  });

  it('is what a token says, in its claim exp', () => {
    expect(of({ token: jwt('{"exp":1800000000}') })).toEqual({
      ...{ what: 'token', source: 'input kubeconfig' },
      atMs: 1_800_000_000_000,
    });
  });

  it('is the earlier of both', () => {
    const token = jwt('{"exp":1800000000}');
    expect(of({ token, 'client-certificate-data': data })).toMatchObject({ what: 'token' });
    const later = jwt('{"exp":9000000000}');
    expect(of({ token: later, 'client-certificate-data': data })).toMatchObject({ what: 'client certificate' });
  });

  it.each([
    ['an exec plugin', { exec: { command: 'aws' } }],
    ['a token in a file, which takes the place of the other', { tokenFile: '/t', token: jwt('{"exp":1}') }],
    ['the service account of a pod', { 'auth-provider': { name: 'tokenFile', config: { tokenFile: '/t' } } }],
    ['a password', { username: 'a', password: 'b' }],
    ['no credentials', {}],
    ['an opaque token', { token: 'ya29.abc' }],
    ['a certificate that is none', { 'client-certificate-data': 'bm9uZQ==' }],
    ['a certificate in a file that is not there', { 'client-certificate': '/nowhere/cert.pem' }],
  ])('is not known of %s', (_what, user) => {
    expect(of(user)).toBeUndefined();
  });

  it.each([
    'not json',
    'null',
    '[]',
    '"exp"',
    '{}',
    '{"exp":"1800000000"}',
    '{"exp":null}',
    '{"exp":-1}',
    '{"exp":0}',
    '{"exp":1e300}',
    '{"__proto__":{"exp":1}}',
  ])('is not known of a token with the claims %s', payload => {
    expect(of({ token: jwt(payload) })).toBeUndefined();
  });

  it.each(['..', 'a.b', 'a.b.c.d', 'a.%%%.c', `a.${'b'.repeat(70_000)}.c`, ' \n '])(
    'is not known of a text that is no token: %#',
    token => {
      expect(of({ token })).toBeUndefined();
    },
  );
});
