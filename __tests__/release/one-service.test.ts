import { describe, expect, it } from '@jest/globals';
import { decodeRevision } from '../../src/release/revision.js';
import { decodeState } from '../../src/release/state-record.js';
import { refKey } from '../../src/kubernetes/object.js';
import { fullRevision, refusalOf, revisionSecret, stateSecret } from '../support/records.js';
import { publicRef, publicService, staged } from '../support/strategies/shop.js';

const { publicServices: _services, ...state } = staged();
const labels = { app: 'web', role: 'blue' };
const role = { podLabels: labels, deployments: [] };
/** A state as the version wrote it that knew one public Service. */
const written = {
  ...state,
  publicService: publicRef,
  roles: { blue: role, green: role },
  staged: { revision: 2, role: 'green', objects: [], publicServiceUid: 'found', previous: role },
  operation: {
    ...{ kind: 'switch', direction: 'promote', revision: 2, role: 'green', run: 'r', holder: 'h' },
    previousService: { ref: publicRef, object: publicService('blue') },
  },
};

describe('a record of the version that knew one public Service', () => {
  it('is a state with a list of one, whose switch may have been made', () => {
    const read = { podLabels: [labels], deployments: [] };
    expect(decodeState(stateSecret(written))).toMatchObject({
      publicServices: [publicRef],
      roles: { blue: read, green: read },
      staged: { publicServiceUids: { [refKey(publicRef)]: 'found' }, previous: read },
      operation: { services: [{ before: { ref: publicRef, object: publicService('blue') }, sent: true }] },
    });
  });

  it('is a revision with a list of one, or of none for a rolling release', () => {
    const { publicServices: _none, ...rest } = fullRevision;
    const secret = (more: object) => revisionSecret({ ...rest, publicServices: undefined, ...more });
    const service = publicService('green');
    expect(decodeRevision(secret({ publicService: service })).publicServices).toEqual([service]);
    expect(decodeRevision(secret({ role: 'green' })).publicServices).toEqual([]);
  });

  it.each<[string, object, string]>([
    ['another kind of Service', { publicService: { ...publicRef, kind: 'Secret' } }, 'publicService.kind'],
    [
      'a snapshot of another Service',
      { operation: { ...written.operation, previousService: { ref: { ...publicRef, name: 'pay' } } } },
      'operation.services[0].before.ref',
    ],
    ['labels that are text', { roles: { blue: { podLabels: 'app=web', deployments: [] } } }, 'roles.blue.podLabels'],
  ])('is refused with %s', (_what, more, field) => {
    const error = refusalOf(() => decodeState(stateSecret({ ...written, ...more })));
    expect(error?.code).toBe('record');
    expect(error?.message).toContain(`its field ${field} is not as Cutover writes it`);
  });
});
