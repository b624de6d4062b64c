import { describe, expect, it } from '@jest/globals';
import { networkFailure } from '../../../src/cluster/http/network-error.js';
import { shouldRetry, delayMs, giveUpAfterMs, retryAfterMs } from '../../../src/cluster/http/retry.js';

const network = (code: string) => ({ from: 'network', failure: { code, message: '' } }) as const;
const server = (status: number, reason?: string) => ({ from: 'server', status, ...(reason && { reason }) }) as const;
/** A 500 that the API server could not classify: it has no reason. */
const unclassified = (message: string) => ({ ...server(500), message }) as const;

describe('retrying', () => {
  it.each([
    ['a reset', network('ECONNRESET'), 'PATCH', true],
    ['a reset after a POST', network('ECONNRESET'), 'POST', false],
    ['a refused POST, which nobody has seen', network('ECONNREFUSED'), 'POST', true],
    ['silence', network('TIMEOUT'), 'GET', true],
    ['a certificate that is not trusted', network('DEPTH_ZERO_SELF_SIGNED_CERT'), 'GET', false],
    ['429, even for a POST', server(429), 'POST', true],
    ['429 of a disruption budget', { ...server(429), isRefusedByBudget: true }, 'POST', false],
    ['502', server(502), 'PUT', true],
    ['503', server(503), 'DELETE', true],
    ['503 for a POST', server(503), 'POST', false],
    ['504', server(504), 'GET', true],
    ['500 with InternalError', server(500, 'InternalError'), 'PATCH', true],
    ['500 with ServerTimeout', server(500, 'ServerTimeout'), 'PATCH', true],
    ['500 without a Status', server(500), 'GET', true],
    ['an election in etcd', unclassified('etcdserver: leader changed'), 'PATCH', true],
    ['an election in etcd during a POST', unclassified('etcdserver: leader changed'), 'POST', false],
    ['a timeout of etcd', unclassified('etcdserver: request timed out'), 'GET', true],
    [
      'a conversion webhook that does not answer',
      unclassified('conversion webhook for acme.com/v1, Kind=Thing failed: connection refused'),
      'GET',
      true,
    ],
    [
      'a conversion webhook that does not answer an apply',
      unclassified(
        'failed to convert new object (shop/a; acme.com/v1, Kind=Thing) to proper version: conversion webhook for acme.com/v2, Kind=Thing failed: EOF',
      ),
      'PATCH',
      true,
    ],
    [
      'a field that the schema does not have',
      unclassified('failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): .spec.foo: unknown'),
      'PATCH',
      false,
    ],
    [
      'a value that cannot be converted',
      unclassified(
        'failed to convert new object (shop/key; /v1, Kind=Secret) to proper version: unable to convert unstructured object to /v1, Kind=Secret: illegal base64 data at input byte 4',
      ),
      'PATCH',
      false,
    ],
    ['409', server(409, 'Conflict'), 'PATCH', false],
    ['409 of a quota, even for a POST', { ...server(409, 'Conflict'), isQuotaRace: true }, 'POST', true],
    ['422', server(422, 'Invalid'), 'PATCH', false],
  ])('after %s', (...[, failure, method, retry]) => {
    expect(shouldRetry(failure, { method, reached: true })).toBe(retry);
  });

  it.each([
    ['ECONNREFUSED', false],
    ['ENOTFOUND', false],
    ['TIMEOUT', false],
    ['ECONNRESET', true],
  ])('at the first request after %s: %s', (code, retry) => {
    expect(shouldRetry(network(code), { method: 'GET', reached: false })).toBe(retry);
  });

  it.each([
    [1, 500],
    [2, 1_000],
    [3, 2_000],
    [5, 8_000],
    [9, 8_000],
  ])('failure %i is followed by %i ms at most, and half of that at least', (tries, most) => {
    expect(delayMs(tries, { random: 1 })).toBe(most);
    expect(delayMs(tries, { random: 0 })).toBe(most / 2);
  });

  it.each([
    [
      'InternalError',
      'Internal error occurred: failed calling webhook "a.example.org": connection refused',
      120_000,
    ] as const,
    [undefined, 'conversion webhook for example.org/v1, Kind=Thing failed: no endpoints available', 120_000] as const,
    [undefined, 'etcdserver: leader changed', 60_000] as const,
  ])('is given up after continuous failure: %s %s', (reason, message, ms) => {
    expect(giveUpAfterMs({ ...server(500, reason), message })).toBe(ms);
    expect(giveUpAfterMs(network('ECONNRESET'))).toBe(60_000);
  });

  it('never comes before Retry-After', () => {
    expect(delayMs(1, { random: 0, retryAfterMs: 9_000 })).toBe(9_000);
  });

  it.each([
    [{ 'retry-after': '2' }, undefined, 2_000],
    [{}, { kind: 'Status', details: { retryAfterSeconds: 3 } } as const, 3_000],
    [{ 'retry-after': 'soon' }, undefined, undefined],
    [{}, undefined, undefined],
  ])('reads Retry-After in %j and %j as %s ms', (headers, status, expected) => {
    expect(retryAfterMs(headers, status)).toBe(expected);
  });
});

describe('a network failure', () => {
  it('is the first failure of several addresses', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED ::1'), { code: 'ECONNREFUSED' });
    expect(networkFailure(new AggregateError([refused, new Error('other')]))).toEqual({
      code: 'ECONNREFUSED',
      message: 'connect ECONNREFUSED ::1',
    });
  });

  it('has a code even where the system has none', () => {
    expect(networkFailure(new Error('odd'))).toEqual({ code: 'UNKNOWN', message: 'odd' });
  });
});
