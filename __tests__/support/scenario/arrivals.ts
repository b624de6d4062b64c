import { eventually } from '../eventually.js';
import type { Traffic } from '../traffic/traffic.js';

/**
 * Waits until `inARow` consecutive requests were answered by this version alone: nodes see a change a moment after the API
 * server.
 */
export async function arrived(users: Traffic, version: string | undefined, inARow = 5): Promise<void> {
  const look = async (): Promise<true | undefined> => {
    const before = await users.counts();
    await users.more(inARow);
    const after = await users.counts();
    const answering = Object.keys(after.byVersion).filter(name => after.byVersion[name] !== before.byVersion[name]);
    return (answering.length === 1 && answering[0] === version) || undefined;
  };
  await eventually(`users to be answered by ${version ?? 'anybody'} alone`, look, 30_000);
}

/** Waits until users have met the version. The nodes of a real cluster follow a switch a moment later, which the next one may undo. */
export async function met(users: Traffic, version: string): Promise<void> {
  const look = async (): Promise<true | undefined> =>
    (await users.counts()).timeline.some(one => one.version === version) || undefined;
  await eventually(`users to meet ${version}`, look, 30_000);
}
