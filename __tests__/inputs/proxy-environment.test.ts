import { describe, expect, it } from '@jest/globals';
import { proxyFor } from '../../src/inputs/proxy-environment.js';

const proxy = 'http://proxy:3128';

describe('the proxy of the environment', () => {
  it.each([
    ['https://api.example', { HTTPS_PROXY: proxy }, proxy],
    ['https://api.example', { https_proxy: proxy }, proxy],
    ['https://api.example', { HTTPS_PROXY: 'proxy:3128' }, proxy],
    ['https://api.example', { HTTP_PROXY: proxy }, undefined],
    ['http://api.example', { HTTP_PROXY: proxy }, proxy],
    ['https://api.example', {}, undefined],
    ['https://localhost:6443', { HTTPS_PROXY: proxy }, undefined],
    ['https://127.0.0.1:6443', { HTTPS_PROXY: proxy }, undefined],
    ['https://[::1]:6443', { HTTPS_PROXY: proxy }, undefined],
  ])('for %s with %j is %s', (server, environment, expected) => {
    expect(proxyFor(new URL(server), environment)).toBe(expected);
  });

  it.each([
    ['*', 'https://api.example', true],
    ['api.example', 'https://api.example', true],
    ['example', 'https://api.example', true],
    ['.example', 'https://api.example', true],
    ['*.example', 'https://api.example', true],
    ['other, api.example', 'https://API.example', true],
    ['ample', 'https://api.example', false],
    ['api.example:6443', 'https://api.example:6443', true],
    ['api.example:6443', 'https://api.example', false],
    ['10.0.0.0/8', 'https://10.1.2.3:6443', true],
    ['10.0.0.0/8', 'https://11.1.2.3:6443', false],
    ['10.0.0.0/99', 'https://10.1.2.3', false],
    ['fd00::/8', 'https://[fd00::7]:6443', true],
    ['10.1.2.3', 'https://10.1.2.3:6443', true],
    ['', 'https://api.example', false],
  ])('NO_PROXY=%s exempts %s: %s', (rule, server, exempt) => {
    const environment = { HTTPS_PROXY: proxy, NO_PROXY: rule };
    expect(proxyFor(new URL(server), environment)).toBe(exempt ? undefined : proxy);
  });
});
