import { describe, expect, it } from '@jest/globals';
import { gunzipSync, gzipSync } from 'node:zlib';
import { decodeRevision } from '../../src/release/revision.js';
import { decodeState } from '../../src/release/state-record.js';
import { fullRevision, refusalOf, revisionSecret, stateSecret } from '../support/records.js';
import { publicRef, publicService, staged } from '../support/strategies/shop.js';

describe('a state is refused, with the path of the field, when it has', () => {
  const switching = (more: object): object => ({
    operation: {
      kind: 'switch',
      direction: 'promote',
      revision: 2,
      role: 'green',
      run: 'r',
      holder: 'h',
      services: [{ before: { ref: publicRef } }],
      ...more,
    },
  });
  it.each<[string, object, string]>([
    ['a later format', { format: 2 }, 'format'],
    ['no release', { release: undefined }, 'release'],
    ['a release that is a number', { release: 7 }, 'release'],
    ['an unknown strategy', { strategy: 'canary' }, 'strategy'],
    ['a strategy from the prototype', { strategy: 'constructor' }, 'strategy'],
    ['a current revision that is text', { current: '2' }, 'current'],
    ['revision 0', { revisions: [1, 0] }, 'revisions[1]'],
    ['half a revision', { latest: 1.5 }, 'latest'],
    ['a latest revision that is text', { latest: '3' }, 'latest'],
    ['no list of revisions', { revisions: undefined }, 'revisions'],
    ['no history', { history: null }, 'history'],
    ['nothing that was applied', { applied: undefined }, 'applied'],
    ['roles that are a list', { roles: [] }, 'roles'],
    ['no names of roles', { roleNames: undefined }, 'roleNames'],
    ['no public Service', { publicServices: undefined }, 'publicServices'],
    ['the same name for both roles', { roleNames: ['blue', 'blue'] }, 'roleNames'],
    ['a role whose name is a path', { roleNames: ['blue', '../green'] }, 'roleNames[1]'],
    ['a role whose name every object inherits', { roleNames: ['blue', 'constructor'] }, 'roleNames[1]'],
    ['a map with such a role', { roles: { constructor: { podLabels: {}, deployments: [] } } }, 'roles'],
    ['something staged on no role', { staged: { revision: 2, role: 'red', objects: [] } }, 'staged.role'],
    ['an unknown operation', switching({ kind: 'exec' }), 'operation.kind'],
    ['users that left no role of the release', switching({ kind: 'finish', leftRole: 'red' }), 'operation.leftRole'],
    ['an operation that is a list', { operation: [] }, 'operation'],
    ['an operation that is text', { operation: 'stage' }, 'operation'],
    ['an operation of a rolling release', switching({ kind: 'deploy' }), 'operation.kind'],
    [
      'another Service to switch back',
      switching({ services: [{ before: { ref: { ...publicRef, name: 'pay' } } }] }),
      'operation.services[0].before.ref',
    ],
    [
      'an object that the snapshot does not name',
      switching({
        services: [
          {
            before: {
              ref: publicRef,
              object: { ...publicService('blue'), metadata: { name: 'pay', namespace: 'shop' } },
            },
          },
        ],
      }),
      'operation.services[0].before.object',
    ],
    [
      'a public Service of another kind',
      { publicServices: [{ ...publicRef, kind: 'Secret' }] },
      'publicServices[0].kind',
    ],
    ['a name that is a path', { publicServices: [{ ...publicRef, name: '../pods' }] }, 'publicServices[0].name'],
    ['an outcome that does not exist', { history: [{ outcome: 'sk-secret-1' }] }, 'history[0].revision'],
  ])('%s', (_what, change, field) => {
    const error = refusalOf(() => decodeState(stateSecret({ ...staged(), ...change })));
    expect(error).toMatchObject({ code: 'record', object: 'Secret shop/cutover-web' });
    expect(error?.message).toContain(`its field ${field} is not as Cutover writes it (expected: `);
    expect(error?.message).not.toContain('sk-secret-1');
  });

  it.each([
    ['a list', []],
    ['null', null],
  ])('%s instead of its fields', (_what, value) => {
    expect(refusalOf(() => decodeState(stateSecret(value)))?.message).toBe(
      'The release record in Secret shop/cutover-web cannot be used: it is not as Cutover writes it (expected: a map)',
    );
  });
});

describe('a revision is refused, with the path of the field, when it has', () => {
  const check = fullRevision.checks[1];
  const deployment = fullRevision.objects[0]!;
  it.each<[string, object, string]>([
    ['a command as a check', { checks: [{ kind: 'run', command: 'cat sk-secret-1' }] }, 'checks[0].kind'],
    ['a URL as a check', { checks: [{ ...check, target: 'https://sk-secret-1/' }] }, 'checks[0].target'],
    ['a check with POST', { checks: [{ ...check, method: 'POST' }] }, 'checks[0].method'],
    [
      'a regular expression that is none',
      { checks: [{ ...check, expect: { status: [200], matches: '(' } }] },
      'checks[0].expect.matches',
    ],
    [
      'a regular expression that is too long',
      { checks: [{ ...check, expect: { status: [200], matches: 'a'.repeat(10_001) } }] },
      'checks[0].expect.matches',
    ],
    ['a check that accepts no status', { checks: [{ ...check, expect: { status: [] } }] }, 'checks[0].expect.status'],
    [
      'a check of a text that every answer has',
      { checks: [{ ...check, expect: { status: [200], contains: '' } }] },
      'checks[0].expect.contains',
    ],
    [
      'a check of JSON without a path',
      { checks: [{ ...check, expect: { status: [200], json: { path: '', equals: 1 } } }] },
      'checks[0].expect.json.path',
    ],
    ['retries of years', { checks: [{ ...check, retryMs: 10 * 365 * 86_400_000 }] }, 'checks[0].retryMs'],
    ['an interval of years', { checks: [{ ...check, intervalMs: 10 * 365 * 86_400_000 }] }, 'checks[0].intervalMs'],
    ['an interval of nothing', { checks: [{ ...check, intervalMs: 0 }] }, 'checks[0].intervalMs'],
    [
      'an object without a name',
      { objects: [{ apiVersion: 'v1', kind: 'Pod', metadata: {} }] },
      'objects[0].metadata.name',
    ],
    ['a Secret', { objects: [{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } }] }, 'objects[0].kind'],
    [
      'a Secret among the snapshots',
      {
        before: [
          {
            ref: { ...publicRef, kind: 'Secret' },
            object: { apiVersion: 'v1', kind: 'Secret', metadata: publicService('blue').metadata },
          },
        ],
      },
      'before[0].object.kind',
    ],
    [
      'an API version that is a path',
      { objects: [{ ...deployment, apiVersion: '../../api/v1' }] },
      'objects[0].apiVersion',
    ],
    [
      'labels that are no texts',
      { applyAfterSwitch: [{ ...deployment, metadata: { name: 'x', labels: { a: 1 } } }] },
      'applyAfterSwitch[0].metadata.labels.a',
    ],
    ['a public Service that is none', { publicServices: [deployment] }, 'publicServices[0].kind'],
    ['a number that is text', { number: '2' }, 'number'],
    ['the number 0', { number: 0 }, 'number'],
    [
      'a snapshot whose object another one names',
      { before: [{ ref: { ...publicRef, name: 'pay' }, object: publicService('blue') }] },
      'before[0].object',
    ],
  ])('%s', (_what, change, field) => {
    const error = refusalOf(() => decodeRevision(revisionSecret(change)));
    expect(error).toMatchObject({ code: 'record', object: 'Secret shop/cutover-web.2' });
    expect(error?.message).toContain(`its field ${field} is not as Cutover writes it`);
    expect(error?.message).not.toContain('sk-secret-1');
  });

  it('an object that nests deeper than any manifest', () => {
    const { data } = revisionSecret({});
    const bulk = JSON.parse(gunzipSync(Buffer.from((data as { bulk: string }).bulk, 'base64')).toString()) as object;
    const text = JSON.stringify({ ...bulk, objects: [{ ...deployment, spec: 'DEEP' }] });
    const packed = gzipSync(text.replace('"DEEP"', `${'['.repeat(100_000)}${']'.repeat(100_000)}`));
    const secret = { ...revisionSecret({}), data: { ...(data as object), bulk: packed.toString('base64') } };
    expect(refusalOf(() => decodeRevision(secret))?.message).toContain('its field objects[0] ');
  });
});
