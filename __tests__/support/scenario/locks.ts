import { expect } from '@jest/globals';
import { decodeRevision } from '../../../src/release/revision.js';
import { decodeState } from '../../../src/release/state-record.js';
import type { Fault, FaultMatch, Sandbox } from '../../../sandbox/sandbox.js';
import { field } from '../field.js';
import type { Traffic } from '../traffic/traffic.js';
import { actionUnderTest } from '../runner/action-under-test.js';
import { site } from './applications.js';
import type { Run } from './race.js';
import type { TestNamespace } from './test-namespace.js';

/** The bundle whose Lease lasts a few seconds, for races in which one expires. */
export const shortLease = (): { readonly action: string } => ({ action: actionUnderTest('short lease') });

/** Load of the users of a race. It is low because its runs and their pods share a machine. */
export const fewUsers = { perSecond: 8, keptAlive: { connections: 1, perSecond: 2 } };

/** The Lease of the site. */
export const leaseOf = ({ namespace }: TestNamespace) => ({ kind: 'Lease', namespace, name: 'cutover-site' }) as const;

/** A check that passes once {@link letPass} is called. */
export const untilLetPass = ({ workspace }: TestNamespace): string =>
  `- run: until [ -e "${workspace}/pass" ]; do sleep 0.1; done\n`;

/** Lets the check {@link untilLetPass} of every run pass. */
export const letPass = (ns: TestNamespace): Promise<void> => ns.write({ pass: '' });

/** The site in version v1, with its users. */
export async function givenSite(ns: TestNamespace): Promise<Traffic> {
  await site.bring(ns);
  await ns.given(site.deploy('v1'));
  return ns.users(site.service, fewUsers);
}

/** Ends the traffic: no request of it was lost. */
export async function expectNoLoss(users: Traffic): Promise<void> {
  await users.more(2);
  const { losses, keptAlive } = await users.stop();
  expect([...losses, ...keptAlive.losses]).toEqual([]);
}

/** What users of the site get and what is on record. */
export interface SiteState {
  readonly deployment: string | undefined;
  readonly config: unknown;
  readonly revision: number | undefined;
  /** Images of that revision. */
  readonly images: readonly string[];
  /** Whether an operation is on record that has not ended. */
  readonly unfinished: boolean;
  /** Holder of the lock. */
  readonly holder: unknown;
}

/** Reads the state of the site. */
export async function siteState(ns: TestNamespace): Promise<SiteState> {
  const record = await ns.get('Secret', 'cutover-site');
  if (record === undefined) throw new Error('the site has no record');
  const { current, operation } = decodeState(record);
  const revision = await ns.get('Secret', `cutover-site.${current ?? 0}`);
  return {
    deployment: await site.version(ns),
    config: field(await ns.get('ConfigMap', 'site-config'), 'data', 'greeting'),
    revision: current,
    images: revision === undefined ? [] : decodeRevision(revision).images,
    unfinished: operation !== undefined,
    holder: field(await ns.get('Lease', 'cutover-site'), 'spec', 'holderIdentity'),
  };
}

/** The state of the site when this version is live and complete, as this revision. */
export function settledOn(ns: TestNamespace, version: string, revision: number): SiteState {
  return {
    deployment: version,
    config: `hello from ${version}`,
    revision,
    images: [`${ns.cluster.images.site}:${version}`],
    unfinished: false,
    holder: undefined,
  };
}

/** The log of a run. Throws with it unless the run and its post step succeeded. */
export async function logOf({ result }: Run): Promise<string> {
  const { exitCode, postExitCode, log } = await result;
  if (exitCode !== 0 || postExitCode !== 0) throw new Error(`the run failed (${exitCode}, ${postExitCode}):\n${log}`);
  return log;
}

/** A request or an answer on hold. */
export interface Held {
  readonly isHeld: Promise<void>;
  /** Lets it go on. */
  go(): void;
}

/** Holds the next write of a namespace that matches, as an admission webhook does. */
export function holdNext(
  ns: TestNamespace,
  match: FaultMatch,
  how: Pick<Extract<Fault, { do: 'hold' }>, 'when' | 'withoutClient'> = {},
): Held {
  let go = (): void => undefined;
  const gone = new Promise<void>(resolve => {
    go = resolve;
  });
  const isHeld = new Promise<void>(resolve => {
    const until = (): Promise<void> => {
      resolve();
      return gone;
    };
    const { namespace } = ns;
    sandboxOf(ns).fault({ dryRun: false, ...match, namespace }, { do: 'hold', ...how, until }, 1);
  });
  return { isHeld, go };
}

/** Renewals that the API server refuses. */
export interface RefusedRenewals {
  /** Resolves once this number of renewals, sent after this call, were refused. */
  more(renewals: number): Promise<void>;
  /** How many were refused so far. */
  count(): number;
  /** Accepts renewals again. */
  end(): void;
}

/** Refuses every renewal of a Lease of this namespace from now on. */
export function refuseRenewals(ns: TestNamespace, status = 503): RefusedRenewals {
  const sandbox = sandboxOf(ns);
  const { namespace } = ns;
  let refused = 0;
  const looks = new Set<() => void>();
  const remove = sandbox.fault({ verb: 'PUT', kind: 'Lease', namespace }, { do: 'status', status });
  const stop = sandbox.calls.listen((call, faults) => {
    if (call.verb !== 'PUT' || call.kind !== 'Lease' || call.namespace !== namespace || faults.length === 0) return;
    refused += 1;
    for (const look of looks) look();
  });
  return {
    more: renewals => {
      const enough = refused + renewals;
      return new Promise(resolve => {
        looks.add(() => (refused >= enough ? resolve() : undefined));
      });
    },
    count: () => refused,
    end: () => {
      stop();
      remove();
    },
  };
}

/** The embedded cluster. Throws on a real one. */
export function sandboxOf({ cluster: { sandbox } }: TestNamespace): Sandbox {
  if (sandbox === undefined) throw new Error('this scenario needs the embedded cluster');
  return sandbox;
}
