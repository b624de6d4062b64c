import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { gunzipSync, gzipSync } from 'node:zlib';
import { CutoverError } from '../../src/errors.js';
import type { KubeObject, ObjectRef } from '../../src/kubernetes/object.js';
import { decodeRevision, encodeRevision, type Revision } from '../../src/release/revision.js';
import { decodeState, encodeState } from '../../src/release/state-record.js';
import { newRolling, type BlueGreenOperation, type HistoryEntry, type ReleaseState } from '../../src/release/state.js';
import { publicRef, publicService, revision, staged } from '../support/strategies/shop.js';

const label = fc.stringMatching(/^[a-z]([-a-z0-9]{0,20}[a-z0-9])?$/);
const number = fc.integer({ min: 1, max: 1_000_000 });
const ref: fc.Arbitrary<ObjectRef> = fc.record(
  {
    apiVersion: fc.constantFrom('v1', 'apps/v1', 'example.org/v1beta1'),
    kind: fc.constantFrom('Deployment', 'Thing'),
    name: label,
    namespace: label,
  },
  { requiredKeys: ['apiVersion', 'kind', 'name'] },
);
const begun = { run: fc.webUrl(), holder: fc.string(), revision: number };
const role = fc.constantFrom('blue', 'green');
const direction = fc.constantFrom('promote', 'rollback');
const operation: fc.Arbitrary<BlueGreenOperation> = fc.oneof(
  fc.record({ ...begun, kind: fc.constantFrom('adopt', 'stage', 'reject', 'prepare'), role }),
  fc.record({
    ...begun,
    kind: fc.constant('switch'),
    role,
    direction,
    previousService: fc.constant({ ref: publicRef, object: publicService('blue') }),
  }),
  fc.record(
    { ...begun, kind: fc.constant('finish'), direction, role },
    { requiredKeys: ['kind', 'direction', 'revision', 'run', 'holder'] },
  ),
) as fc.Arbitrary<BlueGreenOperation>;
const entry: fc.Arbitrary<HistoryEntry> = fc.record(
  {
    revision: number,
    outcome: fc.constantFrom('deployed', 'adopted', 'staged', 'switched', 'rolled-back', 'rejected', 'failed'),
    at: fc.constant('2026-03-01T12:00:00.000Z'),
    run: fc.webUrl(),
    actor: fc.string(),
    sha: fc.string(),
    role,
    images: fc.array(fc.string()),
  },
  { requiredKeys: ['revision', 'outcome', 'at', 'run', 'actor', 'sha', 'images'] },
) as fc.Arbitrary<HistoryEntry>;
const texts = fc.dictionary(fc.string(), fc.string());
const roleRecord = fc.record(
  {
    podLabels: texts,
    deployments: fc.array(ref),
    testService: label,
    revision: number,
    contentHash: fc.string(),
    applied: texts,
  },
  { requiredKeys: ['podLabels', 'deployments'] },
);
const common = {
  latest: fc.nat(),
  revisions: fc.array(number),
  history: fc.array(entry),
  applied: texts,
};
const state: fc.Arbitrary<ReleaseState> = fc.oneof(
  fc
    .record(
      { ...common, current: number, operation: fc.record({ ...begun, kind: fc.constantFrom('deploy', 'rollback') }) },
      { requiredKeys: ['latest', 'revisions', 'history', 'applied'] },
    )
    .map(more => ({ ...newRolling('web'), ...more })),
  fc
    .record(
      {
        ...common,
        current: number,
        operation,
        roles: fc.dictionary(role, roleRecord),
        staged: fc.record(
          {
            revision: number,
            role,
            objects: fc.array(fc.record({ ref, uid: fc.uuid(), hash: fc.string() })),
            previous: roleRecord,
          },
          { requiredKeys: ['revision', 'role', 'objects'] },
        ),
      },
      { requiredKeys: ['latest', 'revisions', 'history', 'applied', 'roles'] },
    )
    .map(more => ({ ...staged(), ...more })),
) as fc.Arbitrary<ReleaseState>;

const stored = (object: KubeObject): KubeObject => JSON.parse(JSON.stringify(object)) as KubeObject;
const full: Revision = revision('green', {
  before: [{ ref: publicRef }, { ref: publicRef, object: publicService('blue'), recreated: true }],
  beforeStaging: [{ ref: { ...publicRef, kind: 'Secret' }, withheld: true }],
  secrets: [{ ref: { ...publicRef, kind: 'Secret' }, hash: 'abc' }],
  deleteAfterSwitch: [{ ref: publicRef, uid: 'u' }],
  checks: [
    { kind: 'other', name: 'run: npm test', when: 'public' },
    {
      kind: 'http',
      target: '/healthz',
      method: 'GET',
      expect: {
        status: [200, '3xx'],
        contains: 'ok',
        matches: '^o',
        json: { path: 'db', equals: null },
        header: { a: 'b' },
      },
      pods: 'any',
      when: 'both',
      retryMs: 0,
      intervalMs: 100,
    },
  ],
  approval: { environment: 'production', by: ['bob'], comment: 'go' },
});
const stateSecret = (value: unknown, more: object = {}): KubeObject => ({
  ...encodeState(staged(), 'shop'),
  data: { state: Buffer.from(JSON.stringify(value)).toString('base64') },
  ...more,
});

/** What decoding threw; throws when it threw anything but a `CutoverError`. */
function refusalOf(decode: () => unknown): CutoverError | undefined {
  try {
    decode();
    return undefined;
  } catch (error) {
    if (error instanceof CutoverError) return error;
    throw error;
  }
}

/** The revision's Secret with another revision inside. */
function revisionSecret(value: object): KubeObject {
  const {
    objects,
    before,
    beforeStaging,
    publicService: service,
    shared,
    applyAfterSwitch,
    ...info
  } = {
    ...full,
    ...value,
  } as Revision;
  const bulk = { objects, before, beforeStaging, publicService: service, shared, applyAfterSwitch };
  const data = {
    info: Buffer.from(JSON.stringify(info)).toString('base64'),
    bulk: gzipSync(JSON.stringify(bulk)).toString('base64'),
  };
  return { ...encodeRevision(full, { name: 'web', namespace: 'shop' }), data };
}

describe('the record', () => {
  it('is decoded from its Secret as it was encoded', () => {
    fc.assert(
      fc.property(state, given => {
        expect(decodeState(stored(encodeState(given, 'shop')))).toEqual(stored(given as unknown as KubeObject));
      }),
    );
    expect(decodeRevision(stored(encodeRevision(full, { name: 'web', namespace: 'shop' })))).toEqual(full);
  });

  it('keeps nothing but what Cutover writes', () => {
    const forged = { ...staged(), command: 'rm', __proto__: { staged: { revision: 7 } }, constructor: 'x' };
    expect(decodeState(stateSecret(forged))).toEqual(staged());
  });

  it('is used only with its own type', () => {
    const error = refusalOf(() => decodeState({ ...encodeState(staged(), 'shop'), type: 'Opaque' }));
    expect(error).toMatchObject({
      code: 'record',
      object: 'Secret shop/cutover-web',
      message: 'The release record in Secret shop/cutover-web cannot be used: it is not of type cutover/record',
    });
  });

  it.each([
    [
      'a state of another release',
      encodeState({ ...staged(), release: 'api' }, 'shop'),
      'cutover-web',
      'web',
      'its annotation cutover/release names another release',
    ],
    [
      'a state under another name',
      encodeState(staged(), 'shop'),
      'cutover-api',
      'web',
      'it has the name of another record',
    ],
  ])('is refused with %s', (_what, secret, name, release, why) => {
    const annotations = { 'cutover/release': release };
    const moved = { ...secret, metadata: { ...secret.metadata, name, annotations } };
    expect(refusalOf(() => decodeState(moved))?.message).toBe(
      `The release record in Secret shop/${name} cannot be used: ${why}`,
    );
  });

  it('of a revision is refused under the name of another one', () => {
    const secret = encodeRevision(full, { name: 'web', namespace: 'shop' });
    const moved = { ...secret, metadata: { ...secret.metadata, name: 'cutover-web-1' } };
    expect(refusalOf(() => decodeRevision(moved))).toMatchObject({
      code: 'record',
      object: 'Secret shop/cutover-web-1',
    });
  });
});

describe('a state is refused, with the path of the field, when it has', () => {
  const switching = (more: object): object => ({
    operation: {
      kind: 'switch',
      direction: 'promote',
      revision: 2,
      role: 'green',
      run: 'r',
      holder: 'h',
      previousService: { ref: publicRef },
      ...more,
    },
  });
  it.each<[string, object, string]>([
    ['a later format', { format: 2 }, 'format'],
    ['no release', { release: undefined }, 'release'],
    ['an unknown strategy', { strategy: 'canary' }, 'strategy'],
    ['a strategy from the prototype', { strategy: 'constructor' }, 'strategy'],
    ['a current revision that is text', { current: '2' }, 'current'],
    ['revision 0', { revisions: [1, 0] }, 'revisions[1]'],
    ['half a revision', { latest: 1.5 }, 'latest'],
    ['the same name for both roles', { roleNames: ['blue', 'blue'] }, 'roleNames'],
    ['a role whose name is a path', { roleNames: ['blue', '../green'] }, 'roleNames[1]'],
    ['something staged on no role', { staged: { revision: 2, role: 'red', objects: [] } }, 'staged.role'],
    ['an unknown operation', switching({ kind: 'exec' }), 'operation.kind'],
    ['an operation that is a list', { operation: [] }, 'operation'],
    [
      'another Service to switch back',
      switching({ previousService: { ref: { ...publicRef, name: 'pay' } } }),
      'operation.previousService.ref',
    ],
    [
      'an object that the snapshot does not name',
      switching({
        previousService: {
          ref: publicRef,
          object: { ...publicService('blue'), metadata: { name: 'pay', namespace: 'shop' } },
        },
      }),
      'operation.previousService.object',
    ],
    ['a public Service of another kind', { publicService: { ...publicRef, kind: 'Secret' } }, 'publicService.kind'],
    ['a name that is a path', { publicService: { ...publicRef, name: '../pods' } }, 'publicService.name'],
    ['an outcome that does not exist', { history: [{ outcome: 'sk-secret-1' }] }, 'history[0].revision'],
  ])('%s', (_what, change, field) => {
    const error = refusalOf(() => decodeState(stateSecret({ ...staged(), ...change })));
    expect(error).toMatchObject({ code: 'record', object: 'Secret shop/cutover-web' });
    expect(error?.message).toContain(`its field ${field} is not as Cutover writes it (expected: `);
    expect(error?.message).not.toContain('sk-secret-1');
  });
});

describe('a revision is refused, with the path of the field, when it has', () => {
  const check = full.checks[1];
  const deployment = full.objects[0]!;
  it.each<[string, object, string]>([
    ['a command as a check', { checks: [{ kind: 'run', command: 'cat sk-secret-1' }] }, 'checks[0].kind'],
    ['a URL as a check', { checks: [{ ...check, target: 'https://sk-secret-1/' }] }, 'checks[0].target'],
    ['a check with POST', { checks: [{ ...check, method: 'POST' }] }, 'checks[0].method'],
    [
      'a regular expression that is none',
      { checks: [{ ...check, expect: { status: [], matches: '(' } }] },
      'checks[0].expect.matches',
    ],
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
    ['a public Service that is none', { publicService: deployment }, 'publicService.kind'],
    ['a number that is text', { number: '2' }, 'number'],
  ])('%s', (_what, change, field) => {
    const error = refusalOf(() => decodeRevision(revisionSecret(change)));
    expect(error).toMatchObject({ code: 'record', object: 'Secret shop/cutover-web-2' });
    expect(error?.message).toContain(`its field ${field} is not as Cutover writes it`);
    expect(error?.message).not.toContain('sk-secret-1');
  });

  it('an object that nests deeper than any manifest', () => {
    const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`) as unknown;
    const { data } = revisionSecret({});
    const bulk = JSON.parse(gunzipSync(Buffer.from((data as { bulk: string }).bulk, 'base64')).toString()) as object;
    const text = JSON.stringify({ ...bulk, objects: [{ ...deployment, spec: 'DEEP' }] });
    const packed = gzipSync(text.replace('"DEEP"', `${'['.repeat(100_000)}${']'.repeat(100_000)}`));
    expect(deep).toBeDefined();
    const secret = { ...revisionSecret({}), data: { ...(data as object), bulk: packed.toString('base64') } };
    expect(refusalOf(() => decodeRevision(secret))?.message).toContain('its field objects[0] ');
  });
});

/** A value of JSON at a random place of another one. */
const mutated = (given: unknown): fc.Arbitrary<unknown> =>
  fc
    .record({ steps: fc.array(fc.nat(), { maxLength: 6 }), to: fc.oneof(fc.jsonValue(), fc.constant(undefined)) })
    .map(({ steps, to }) => {
      const copy = JSON.parse(JSON.stringify(given)) as Record<string, unknown>;
      let at: Record<string, unknown> = copy;
      for (const [index, step] of steps.entries()) {
        const keys = Object.keys(at);
        const key = keys[step % Math.max(1, keys.length)];
        if (key === undefined) break;
        const next = at[key];
        if (index === steps.length - 1 || next === null || typeof next !== 'object') {
          at[key] = to;
          break;
        }
        at = next as Record<string, unknown>;
      }
      return copy;
    });

describe('a hostile record', () => {
  it('of a state is used or refused as a record, and nothing else happens', () => {
    const given = {
      ...staged({
        operation: {
          kind: 'switch',
          direction: 'promote',
          revision: 2,
          role: 'green',
          run: 'r',
          holder: 'h',
          previousService: { ref: publicRef },
        },
      }),
    };
    fc.assert(
      fc.property(fc.oneof(mutated(given), fc.jsonValue()), value => {
        expect(refusalOf(() => decodeState(stateSecret(value)))?.code ?? 'record').toBe('record');
      }),
      { numRuns: 500 },
    );
  });

  it('of a revision is used or refused as a record, and nothing else happens', () => {
    fc.assert(
      fc.property(fc.oneof(mutated(full), fc.jsonValue()), value => {
        const secret = revisionSecret(typeof value === 'object' && value !== null ? value : { objects: value });
        expect(refusalOf(() => decodeRevision(secret))?.code ?? 'record').toBe('record');
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['bytes that are no JSON', { state: Buffer.from('{"sk-secret-1').toString('base64') }],
    ['no data', undefined],
    ['data that is a list', []],
    ['a key that is no text', { state: 7 }],
  ])('with %s is refused without its text', (_what, data) => {
    const error = refusalOf(() => decodeState({ ...encodeState(staged(), 'shop'), data }));
    expect(error?.code).toBe('record');
    expect(`${error?.message} ${String(error?.cause)}`).not.toContain('sk-secret-1');
  });

  it('that unpacks to more than a revision may have is refused', () => {
    const bulk = gzipSync(Buffer.alloc(201_000_000), { level: 1 }).toString('base64');
    const secret = { ...revisionSecret({}), data: { info: Buffer.from('{}').toString('base64'), bulk } };
    expect(refusalOf(() => decodeRevision(secret))?.message).toMatch(/its key "bulk" cannot be unpacked$/);
  });
});
