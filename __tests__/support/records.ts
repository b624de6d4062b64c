import fc from 'fast-check';
import { gzipSync } from 'node:zlib';
import { CutoverError } from '../../src/errors.js';
import { refOf, type KubeObject, type ObjectRef } from '../../src/kubernetes/object.js';
import { encodeRevision, type Revision } from '../../src/release/revision.js';
import { encodeState } from '../../src/release/state-record.js';
import { newRolling, type HistoryEntry, type ReleaseState } from '../../src/release/state.js';
import type { BlueGreenOperation } from '../../src/release/operation.js';
import { publicRef, publicService, revision, staged } from './strategies/shop.js';

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
const adopted = fc.record({ ref, uid: fc.uuid() });
const begun = { run: fc.webUrl(), holder: fc.string(), revision: number };
const role = fc.constantFrom('blue', 'green');
const direction = fc.constantFrom('promote', 'rollback');
const operation: fc.Arbitrary<BlueGreenOperation> = fc.oneof(
  fc.record({ ...begun, kind: fc.constantFrom('stage', 'reject', 'prepare'), role }),
  fc.record(
    { ...begun, kind: fc.constant('leave'), role, verified: fc.constant(true) },
    { requiredKeys: ['kind', 'role', 'revision', 'run', 'holder'] },
  ),
  fc.record(
    {
      ...{ ...begun, kind: fc.constant('adopt'), role },
      deployments: fc.array(
        fc.record({
          ...{ ref, uid: fc.uuid(), template: fc.string() },
          imageIds: fc.dictionary(fc.stringMatching(/^[a-z]+$/), fc.string()),
        }),
        { minLength: 1, maxLength: 3 },
      ),
      wasRolling: fc.constant(true),
      sent: fc.constantFrom([], [publicRef]),
    },
    { requiredKeys: ['kind', 'role', 'revision', 'run', 'holder', 'deployments'] },
  ),
  fc.record({
    ...begun,
    kind: fc.constant('switch'),
    role,
    direction,
    services: fc.constantFrom(
      [{ before: { ref: publicRef, object: publicService('blue') } }],
      [{ before: { ref: publicRef }, sent: true as const }],
    ),
  }),
  fc.record(
    { ...begun, kind: fc.constant('finish'), direction, leftRole: role },
    { requiredKeys: ['kind', 'direction', 'revision', 'run', 'holder'] },
  ),
);
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
    content: fc.string(),
  },
  { requiredKeys: ['revision', 'outcome', 'at', 'run', 'actor', 'sha', 'images'] },
);
const texts = fc.dictionary(fc.string(), fc.string());
const roleRecord = fc.record(
  {
    podLabels: fc.array(texts),
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
/** Any state that Cutover could write. */
export const anyState: fc.Arbitrary<ReleaseState> = fc.oneof(
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
        adopted: fc.array(adopted, { minLength: 1, maxLength: 3 }),
        roles: fc.dictionary(role, roleRecord),
        staged: fc.record(
          {
            revision: number,
            role,
            objects: fc.array(
              fc.record(
                { ref, uid: fc.uuid(), hash: fc.string(), templateHash: fc.string() },
                { requiredKeys: ['ref', 'uid', 'hash'] },
              ),
            ),
            previous: roleRecord,
          },
          { requiredKeys: ['revision', 'role', 'objects'] },
        ),
      },
      { requiredKeys: ['latest', 'revisions', 'history', 'applied', 'roles'] },
    )
    .map(more => ({ ...staged(), ...more })),
);

/** The object as the API server returns it. */
export const stored = (object: KubeObject): KubeObject => JSON.parse(JSON.stringify(object)) as KubeObject;
/** A revision with every field. */
export const fullRevision: Revision = revision('green', {
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
  approval: {
    environment: 'production',
    subject: 'staged-by-run',
    job: 'id-token',
    attempt: 1,
    by: ['bob'],
    comment: 'go',
  },
});

/** Any revision that Cutover could write. */
export const anyRevision: fc.Arbitrary<Revision> = fc
  .record({ texts, number, images: fc.array(fc.string()), force: fc.boolean(), isRolling: fc.boolean() })
  .map(({ texts: data, isRolling, ...more }) => {
    const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings', namespace: 'shop' }, data };
    const changed = { objects: [configMap], before: [{ ref: refOf(configMap), object: configMap }], ...more };
    if (!isRolling) return { ...fullRevision, ...changed, shared: [configMap], applyAfterSwitch: [configMap] };
    const { role: _role, approval: _approval, ...rest } = fullRevision;
    return { ...rest, ...changed, publicServices: [], strategy: 'rolling' };
  });

/** The Secret of release `web` with this JSON as its state. */
export const stateSecret = (value: unknown, more: object = {}): KubeObject => ({
  ...encodeState(staged(), 'shop'),
  data: { state: Buffer.from(JSON.stringify(value)).toString('base64') },
  ...more,
});

/** What decoding threw; throws when it threw anything but a `CutoverError`. */
export function refusalOf(decode: () => unknown): CutoverError | undefined {
  try {
    decode();
    return undefined;
  } catch (error) {
    if (error instanceof CutoverError) return error;
    throw error;
  }
}

/** The revision's Secret with another revision inside. */
export function revisionSecret(value: object): KubeObject {
  const { objects, before, beforeStaging, publicServices, shared, applyAfterSwitch, ...info } = {
    ...fullRevision,
    ...value,
  };
  const bulk = { objects, before, beforeStaging, publicServices, shared, applyAfterSwitch };
  const data = {
    info: Buffer.from(JSON.stringify(info)).toString('base64'),
    bulk: gzipSync(JSON.stringify(bulk)).toString('base64'),
  };
  return { ...encodeRevision(fullRevision, { name: 'web', namespace: 'shop' }), data };
}

/** A value of JSON at a random place of another one. */
export const mutated = (given: unknown): fc.Arbitrary<unknown> =>
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
