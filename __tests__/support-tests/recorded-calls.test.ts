import { describe, expect, it } from '@jest/globals';
import { longestChain, recordCalls, type RecordedCall } from '../support/scenario/recorded-calls.js';
import { configMaps, startTestApi } from '../support/sandbox/api-server.js';

/** `a ab b`: each letter arrives where it is first seen, and is answered where it is seen again. */
function drawn(moments: string): readonly RecordedCall[] {
  const letters = moments.split('');
  return [...new Set(letters)].map(call => {
    const [arrived, answered] = [letters.indexOf(call), letters.lastIndexOf(call)];
    return { call, arrived, ...(answered > arrived && { answered }) };
  });
}

describe('the longest chain of calls', () => {
  it.each([
    ['of no calls', '', ''],
    ['of one call', 'aa', 'a'],
    ['of calls one after the other', 'aabbcc', 'abc'],
    ['of calls side by side', 'abcabc', 'a'],
    ['of two waves', 'abbacdcd', 'bc'],
    ['goes on from the deepest answer, not from the last', 'xaabbxcc', 'abc'],
    ['does not go on from a call without an answer', 'wabab', 'w'],
    ['ends with a call without an answer', 'aaw', 'aw'],
    ['counts a slow call once, beside a chain', 'saabbccs', 'abc'],
    ['goes on from a slow call', 'saabbsccc', 'abc'],
  ])('%s: %s', (_what, moments, chain) => {
    expect(
      longestChain(drawn(moments))
        .map(({ call }) => call)
        .join(''),
    ).toBe(chain);
  });
});

describe('recorded calls', () => {
  it('show what was sent side by side and what followed, until they are stopped', async () => {
    const { api, server } = await startTestApi();
    const names = ['a', 'b', 'c'];
    const recording = recordCalls(server, { quietMs: 100 });
    await Promise.all(names.map(name => api.get(`${configMaps}/${name}`)));
    await api.get(configMaps);
    recording.stop();
    await api.get(configMaps);
    const calls = recording.calls();
    expect(calls.map(({ call }) => call).sort()).toEqual([
      'GET ConfigMap a',
      'GET ConfigMap b',
      'GET ConfigMap c',
      'LIST ConfigMap',
    ]);
    const chain = longestChain(calls).map(({ call }) => call);
    expect([chain.length, chain.at(-1)]).toEqual([2, 'LIST ConfigMap']);
  });
});
