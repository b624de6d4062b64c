import { describe, expect, it } from '@jest/globals';
import type { ObjectWriter } from '../../src/cluster/cluster.js';
import { refOf, type KubeObject } from '../../src/kubernetes/object.js';
import { trackedWriter, type TrackedWriter } from '../../src/run/tracked-writer.js';
import { settle } from '../support/clock.js';
import { noAnswer } from '../support/strategies/lock.js';
import { deployment } from '../support/strategies/shop.js';

const green = deployment('green');

interface Pending {
  readonly call: readonly unknown[];
  readonly answer: (value?: unknown) => void;
  readonly fail: (error: unknown) => void;
}

/** A writer whose writes end when the test says so. */
function pendingWriter(): {
  readonly writer: TrackedWriter;
  readonly pending: Pending[];
  /** What it told, and how many writes had been sent before. */
  readonly told: (readonly [isWriting: boolean, sent: number])[];
} {
  const pending: Pending[] = [];
  const told: (readonly [boolean, number])[] = [];
  const write =
    <T>(verb: string) =>
    (...args: readonly unknown[]): Promise<T> =>
      new Promise((resolve, reject) => {
        pending.push({ call: [verb, ...args], answer: value => resolve(value as T), fail: reject });
      });
  const writer: ObjectWriter = {
    apply: write('apply'),
    create: write('create'),
    replace: write('replace'),
    setManagedFields: write('setManagedFields'),
    remove: write('remove'),
    evict: write('evict'),
  };
  return { writer: trackedWriter(writer, isWriting => told.push([isWriting, pending.length])), pending, told };
}

/** Whether the writer is settled by now. */
function settledOf(writer: TrackedWriter): () => boolean {
  let isSettled = false;
  void writer.settled().then(() => (isSettled = true));
  return () => isSettled;
}

const writes: readonly (readonly [string, (writer: ObjectWriter) => Promise<unknown>, readonly unknown[]])[] = [
  ['apply', writer => writer.apply(green, { force: true }), [green, { force: true }]],
  ['create', writer => writer.create(green), [green]],
  ['replace', writer => writer.replace(green), [green]],
  ['setManagedFields', writer => writer.setManagedFields(green, []), [green, []]],
  ['remove', writer => writer.remove(refOf(green), { uid: 'u' }), [refOf(green), { uid: 'u' }]],
  ['evict', writer => writer.evict(refOf(green), { uid: 'u' }), [refOf(green), { uid: 'u' }]],
];

describe('a tracked writer', () => {
  it('is settled before its first write', async () => {
    await pendingWriter().writer.settled();
  });

  it.each(writes)('passes on the write %s, and is settled after its answer', async (verb, write, args) => {
    const { writer, pending } = pendingWriter();
    const answer: Partial<KubeObject> = { kind: 'Answer' };
    const written = write(writer);
    const isSettled = settledOf(writer);
    await settle();
    expect(pending.map(({ call }) => call)).toEqual([[verb, ...args]]);
    expect(isSettled()).toBe(false);
    pending[0]!.answer(answer);
    expect(await written).toBe(answer);
    await settle();
    expect(isSettled()).toBe(true);
  });

  it.each(writes)('is settled after the write %s fails, and leaves the error to its caller', async (_verb, write) => {
    const { writer, pending } = pendingWriter();
    const written = write(writer).catch((error: unknown) => error);
    const isSettled = settledOf(writer);
    await settle();
    expect(isSettled()).toBe(false);
    pending[0]!.fail(noAnswer);
    expect(await written).toBe(noAnswer);
    await settle();
    expect(isSettled()).toBe(true);
  });

  it('is settled only after the last of several writes, whatever order they end in', async () => {
    const { writer, pending } = pendingWriter();
    const written = [writer.apply(green), writer.create(green), writer.replace(green)];
    const isSettled = settledOf(writer);
    for (const index of [1, 2, 0]) {
      await settle();
      expect(isSettled()).toBe(false);
      pending[index]!.answer();
    }
    await Promise.all(written);
    await settle();
    expect(isSettled()).toBe(true);
  });

  it('tells that it writes before the first write is sent, and that it does not after the last has ended', async () => {
    const { writer, pending, told } = pendingWriter();
    const two = [writer.apply(green), writer.create(green)];
    expect(told).toEqual([[true, 0]]);
    pending[1]!.answer();
    await settle();
    expect(told).toEqual([[true, 0]]);
    pending[0]!.fail(noAnswer);
    await Promise.allSettled(two);
    expect(told).toEqual([
      [true, 0],
      [false, 2],
    ]);
    const third = writer.replace(green);
    expect(told.slice(2)).toEqual([[true, 2]]);
    pending[2]!.answer();
    await third;
    expect(told.slice(3)).toEqual([[false, 3]]);
  });

  it('waits for a write too that begins while it waits', async () => {
    const { writer, pending } = pendingWriter();
    const both = writer.apply(green).then(() => writer.create(green));
    const isSettled = settledOf(writer);
    await settle();
    pending[0]!.answer();
    await settle();
    expect([pending.length, isSettled()]).toEqual([2, false]);
    pending[1]!.answer();
    await both;
    await settle();
    expect(isSettled()).toBe(true);
  });
});
