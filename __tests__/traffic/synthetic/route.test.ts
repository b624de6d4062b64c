import { describe, expect, it } from '@jest/globals';
import type { HttpCheck } from '../../../src/inputs/checks/http.js';
import type { Check, SyntheticTraffic } from '../../../src/inputs/inputs.js';
import { checks } from '../../../src/inputs/checks/checks.js';
import type { KubeObject } from '../../../src/kubernetes/object.js';
import { routeOf } from '../../../src/traffic/synthetic/route.js';

const service: KubeObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { ports: [{ port: 8080 }] },
};
const parsed = (text: string): readonly Check[] => checks({})(text);
const named = parsed('- run: smoke\n- http: /shop\n  contains: v2\n');
const [httpCheck] = parsed('- http: /\n') as readonly [HttpCheck];
const on = (more: Partial<SyntheticTraffic> = {}): SyntheticTraffic => ({ kind: 'on', perSecond: 5, ...more });
const auto: SyntheticTraffic = { kind: 'auto' };
const route = (input: SyntheticTraffic, given: readonly Check[] = named, to: KubeObject | undefined = service) =>
  routeOf(input, { checks: given, service: to, namespace: 'default' });

describe('where synthetic traffic goes', () => {
  it('is the public Service through the API server, at the path of the first http check', () => {
    expect(route(auto)).toEqual({
      to: { kind: 'api-server', namespace: 'shop', service: 'web', port: 8080, path: '/shop' },
      path: { kind: 'api-server', service: 'web', path: '/shop' },
      perSecond: 5,
      expect: { status: ['2xx'], contains: 'v2' },
    });
  });

  it.each([
    ['no check', ''],
    ['a command', '- run: smoke'],
    ['a URL', '- http: https://shop.example.com/'],
    ['a path for the staged side alone', '- http: /\n  when: staged'],
    ['a path that is asked with HEAD', '- http: /\n  method: HEAD'],
    ['a path that is expected to answer 503', '- http: /\n  status: 503'],
  ])('is nowhere with auto and %s, and it says how to turn it on', (_what, text) => {
    expect(route(auto, text === '' ? [] : parsed(text))).toEqual({
      why: '`verify` names no http path with the method GET. To count what users meet meanwhile, set `synthetic-traffic` to a map with `url` or `path`',
    });
  });

  it('is nowhere, without a word, when it is off', () => {
    expect(route({ kind: 'off' })).toEqual({});
  });

  it('is nowhere without a Service, and it says what to set', () => {
    expect(routeOf(on(), { checks: [], namespace: 'shop' })).toEqual({ why: expect.stringContaining('Set `url`') });
    expect(route(on(), [], { ...service, spec: { ports: [{ port: 53, protocol: 'UDP' }] } })).toEqual({
      why: expect.stringContaining('no Service with a TCP port'),
    });
  });

  it.each([
    ['the path of the map', { url: 'https://shop.example.com', path: '/a' }, 'https://shop.example.com/a'],
    ['its own path', { url: 'https://shop.example.com/b?c' }, 'https://shop.example.com/b?c'],
    ['the path of the check', { url: 'https://shop.example.com' }, 'https://shop.example.com/shop'],
  ])('is a URL with %s', (_what, input, url) => {
    expect(route(on(input))).toMatchObject({ to: { kind: 'url', url } });
  });

  it.each([
    '//169.254.169.254/latest/',
    '/\\169.254.169.254/latest/',
    '///169.254.169.254/',
    '//[::1]:1/',
    '/@169.254.169.254/',
  ])('stays at the host of the URL, whatever the path: %s', target => {
    const found = route(on({ url: 'http://shop.example.com:81' }), [{ ...httpCheck, target }]);
    expect('to' in found && found.to.kind === 'url' && new URL(found.to.url).origin).toBe('http://shop.example.com:81');
  });

  it('keeps the path and the query of the check as they are', () => {
    const found = route(on({ url: 'http://shop' }), parsed('- http: /a/b?c=/d?e\n  contains: v3\n'));
    expect(found).toMatchObject({ to: { url: 'http://shop/a/b?c=/d?e' }, expect: { contains: 'v3' } });
  });

  it('is / where nothing names a path', () => {
    expect(route(on(), [])).toMatchObject({ to: { path: '/' } });
    expect(route(on({ url: 'http://shop' }), [])).toMatchObject({ to: { url: 'http://shop/' } });
  });

  it('expects what the check of the same path expects, and nothing where no check is of that path', () => {
    expect(route(on({ path: '/other' }))).not.toHaveProperty('expect');
    expect(route(on({ url: 'https://shop.example.com', path: '/shop' }))).toMatchObject({ expect: { contains: 'v2' } });
    const ofUrl = parsed('- http: https://shop.example.com/a\n  contains: v3\n');
    expect(route(on({ url: 'https://shop.example.com/a' }), ofUrl)).toMatchObject({ expect: { contains: 'v3' } });
  });

  it('expects nothing that a check expects of the answer to HEAD', () => {
    const head = parsed('- http: /shop\n  method: HEAD\n  status: 204\n');
    expect(route(on({ path: '/shop' }), head)).not.toHaveProperty('expect');
  });

  it('never shows a query', () => {
    expect(route(on({ url: 'https://shop.example.com/a?token=hunter22' }))).toMatchObject({
      path: { url: 'https://shop.example.com/a?…' },
    });
    expect(route(on({ path: '/a?token=hunter22' }))).toMatchObject({ path: { path: '/a?…' } });
  });
});
