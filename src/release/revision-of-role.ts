import type { Revision } from './recorded-revision.js';

/**
 * The revision as it is for a role: a hot backup runs on the role that it was not staged on. `undefined`: nothing of it is on record for
 * that role. The objects that both roles share come with the role that it was staged on.
 */
export function revisionOfRole(revision: Revision, role: string): Revision | undefined {
  const { backup, deleteAfterSwitch: _deleted, beforeStaging: _before, ...rest } = revision;
  if (revision.role === undefined || revision.role === role) return revision;
  if (backup?.role !== role) return undefined;
  const { objects, secrets, publicServices, applyAfterSwitch } = backup;
  return { ...rest, role, objects, secrets, publicServices, applyAfterSwitch, shared: [], before: [] };
}
