import { refOf, type KubeObject } from '../../../kubernetes/object.js';
import type { RunContext } from '../../../run/context.js';
import { checkedPort } from '../../../verify/endpoint.js';
import { changesOf } from '../../outcome/changes.js';
import { outcomeBase, type ObjectChange } from '../../outcome/outcome.js';
import type { Users } from '../../outcome/serving.js';
import { usersOf } from '../live-traffic.js';
import type { Staging } from './staging.js';
import { stagedWorkloads } from './deploy-staged.js';

/** What the outcome of a staging says whether it fails or not. */
export function stagingOutcome(ctx: RunContext, staging: Staging) {
  const { active, role, planned, staleObjects } = staging;
  const users = usersBefore(staging);
  const { service } = stagedWorkloads(staging, []);
  const port = service && checkedPort(service)?.port;
  return {
    ...outcomeBase(ctx, 'blue-green'),
    ...(users.kind === 'role' && users.revision !== undefined && { previousRevision: users.revision }),
    ...(active.kind === 'role' && { activeRole: active.role }),
    idleRole: role,
    ...(port !== undefined && { testUrl: testUrlOf(ctx, service, port) }),
    changes: [
      ...staleObjects.map((object): ObjectChange => ({ ref: refOf(object), change: 'deleted' })),
      ...changesOf(planned),
    ],
  };
}

function testUrlOf(ctx: RunContext, service: KubeObject | undefined, port: number): string {
  const { name = '', namespace = ctx.records.namespace } = service?.metadata ?? {};
  return `http://${name}.${namespace}.svc:${port}`;
}

/** Whom the public Service serves before anything is staged. */
export function usersBefore({ active, deploy, adoption }: Staging): Users {
  if (adoption !== undefined) return { kind: 'adopted', deployments: adoption.deployments.map(refOf) };
  return usersOf(deploy.state, active);
}
