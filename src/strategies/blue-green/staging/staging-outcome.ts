import { refOf } from '../../../kubernetes/object.js';
import type { RunContext } from '../../../run/context.js';
import { endpointOf } from '../../shared/checks.js';
import { changesOf, outcomeBase } from '../../outcome/outcome.js';
import type { Users } from '../../outcome/serving.js';
import type { Staging } from './staging.js';
import { stagedWorkloads } from './deploy-staged.js';

/** What the outcome of a staging says whether it fails or not. */
export function stagingOutcome(ctx: RunContext, staging: Staging) {
  const { deploy, active, role, planned } = staging;
  const { current } = deploy.state;
  const { service, namespace } = endpointOf(ctx, stagedWorkloads(staging, []));
  return {
    ...outcomeBase(ctx, 'blue-green'),
    ...(current !== undefined && { previousRevision: current }),
    ...(active.kind === 'role' && { activeRole: active.role }),
    idleRole: role,
    ...(service !== undefined && { testUrl: `http://${service.name}.${namespace}.svc:${service.port}` }),
    changes: changesOf(planned),
  };
}

/** Whom the public Service serves before anything is staged. */
export function usersNow({ active, deploy, adoption }: Staging): Users {
  if (adoption !== undefined) return { kind: 'adopted', deployment: refOf(adoption.deployment) };
  if (active.kind === 'none') return { kind: 'none' };
  const { roles, adopted } = deploy.state;
  const revision = roles[active.role]?.revision;
  return {
    kind: 'role',
    role: active.role,
    ...(revision !== undefined && { revision }),
    ...(adopted !== undefined && { adopted: adopted.ref }),
  };
}
