import { isDeletedOnceFinished } from '../../../kubernetes/job.js';
import { refKey, refOf } from '../../../kubernetes/object.js';
import type { HistoryEntry, StagedRecord } from '../../../release/state.js';
import type { CompletedStaging } from '../../../release/transitions.js';
import { changesSinceVerified, identify } from '../../../traffic/identity.js';
import { leftOnRecord } from '../../recorded/left-objects.js';
import { appliedAfter, appliedTo } from '../../shared/applied.js';
import type { BegunStaging } from './begun-staging.js';
import type { DeployedStaging } from './deploy-staged.js';
import type { Staging } from './staging.js';

/** A staging that is up and passed its checks. */
export interface VerifiedStaging {
  readonly staging: Staging;
  readonly begun: BegunStaging;
  readonly deployed: DeployedStaging;
  readonly entry: HistoryEntry;
}

/** What is recorded of a staging that is complete: the identity of every object of the role. */
export function stagedOn({ staging, begun, deployed, entry }: VerifiedStaging): CompletedStaging {
  const { role, records, deploy, planned } = staging;
  const { number } = begun.revision;
  const { previous } = begun;
  const sharedResources = new Set(deploy.resources.shared);
  const own = planned.filter(({ resource }) => !sharedResources.has(resource));
  const shared = planned.filter(({ resource }) => sharedResources.has(resource));
  const { answers } = deployed;
  const { state } = deploy;
  const applied = appliedTo(state, role);
  const hashes = new Map(deployed.ready.map(({ ref, templateHash }) => [refKey(ref), templateHash]));
  const objects = own
    .filter(({ resource }) => !isDeletedOnceFinished(resource.object))
    .map(change => answers.get(change) ?? change.after ?? change.resource.object)
    .map(live => identify(live, hashes.get(refKey(refOf(live)))));
  const publicServiceUids = uidsOfPublicServices(staging);
  const rendered = records[role] ?? { podLabels: [], deployments: [] };
  return {
    entry,
    staged: {
      ...{ revision: number, role, objects },
      ...(Object.keys(publicServiceUids).length > 0 && { publicServiceUids }),
      ...(previous !== undefined && { previous }),
    },
    record: {
      ...rendered,
      revision: number,
      contentHash: deploy.contentHash,
      applied: appliedAfter(applied, own, answers),
    },
    applied: appliedAfter(applied, shared, answers),
    left: leftOnRecord(staging.left),
  };
}

/** The uid of each public Service that exists, by its key. */
function uidsOfPublicServices({ deploy, role, plannedAfterSwitch }: Staging): Readonly<Record<string, string>> {
  const publicServices = deploy.resources.publicServices[role] ?? [];
  const found = plannedAfterSwitch.filter(
    ({ resource, change }) => publicServices.includes(resource) && change !== 'created',
  );
  return Object.fromEntries(
    found.flatMap(({ resource, live, after }) => {
      const uid = (live ?? after)?.metadata.uid;
      return uid === undefined ? [] : [[refKey(refOf(resource.object)), uid] as const];
    }),
  );
}

/** Whether the staged objects still are those that were verified; a dry run that changes nothing answers what is live. */
export function isAsVerified(staging: Staging, staged: StagedRecord | undefined): boolean {
  const live = new Map(staging.planned.map(({ resource, after }) => [refKey(refOf(resource.object)), after]));
  return (staged?.objects ?? []).every(
    verified => changesSinceVerified(verified, live.get(refKey(verified.ref))).length === 0,
  );
}
