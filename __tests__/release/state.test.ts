import { describe, expect, it } from '@jest/globals';
import { RecordBase } from '../../src/release/record-base.js';
import { recordName } from '../../src/release/record-secret.js';
import { encodeState } from '../../src/release/state-record.js';
import { newBlueGreen, newRolling } from '../../src/release/state.js';

describe('the state of a release', () => {
  it('is in a Secret with the labels of the release', () => {
    expect(encodeState(newRolling('web'), 'shop')).toMatchObject({
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'cutover/record',
      metadata: {
        name: recordName('web'),
        namespace: 'shop',
        labels: { 'app.kubernetes.io/managed-by': 'cutover', 'cutover/record': 'state' },
        annotations: { 'cutover/release': 'web' },
      },
    });
    expect(recordName('web')).toBe('cutover-web');
  });

  it('of a release that was never deployed has no revision', () => {
    const publicService = { apiVersion: 'v1', kind: 'Service', namespace: 'shop', name: 'web' };
    const nothing = {
      format: 1,
      release: 'web',
      latest: 0,
      revisions: [],
      applied: {},
      history: [],
      base: new RecordBase(),
    };
    expect(newRolling('web')).toEqual({ ...nothing, strategy: 'rolling' });
    expect(newBlueGreen('web', { publicService, roleNames: ['blue', 'green'] })).toEqual({
      ...nothing,
      strategy: 'blue-green',
      publicService,
      roleNames: ['blue', 'green'],
      roles: {},
    });
  });
});
