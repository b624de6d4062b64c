import type { ReleaseState } from '../../../release/state.js';

/** The state once a role is back to what it was before staging: nothing is staged, and the role runs its earlier revision. */
export function withoutStagedRecord(state: ReleaseState, role: string): ReleaseState {
  const { staged, roles, ...rest } = state;
  const { [role]: now, ...others } = roles ?? {};
  if (staged !== undefined && staged.role !== role) return state;
  const { revision, contentHash, ...labels } = now ?? { podLabels: {}, deployments: [] };
  // Without a staged revision on record, the role's entry was not yet touched.
  const untouched = {
    ...labels,
    ...(revision !== undefined && { revision }),
    ...(contentHash !== undefined && { contentHash }),
  };
  const before = staged === undefined ? untouched : (staged.previous ?? labels);
  return { ...rest, roles: { ...others, [role]: before } };
}
