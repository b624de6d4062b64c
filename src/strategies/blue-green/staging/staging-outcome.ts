import { refOf, type KubeObject } from '../../../kubernetes/object.js';
import type { RunContext } from '../../../run/context.js';
import { checkedPort } from '../../../verify/endpoint.js';
import { changesOf, outcomeBase } from '../../outcome/outcome.js';
import type { Users } from '../../outcome/serving.js';
import type { Staging } from './staging.js';
import { stagedWorkloads } from './deploy-staged.js';

/** What the outcome of a staging says whether it fails or not. */
export function stagingOutcome(ctx: RunContext, staging: Staging) {
  const { deploy, active, role, planned } = staging;
  const { current } = deploy.state;
  const { service } = stagedWorkloads(staging, []);
  const port = service && checkedPort(service)?.port;
  return {
    ...outcomeBase(ctx, 'blue-green'),
    ...(current !== undefined && { previousRevision: current }),
    ...(active.kind === 'role' && { activeRole: active.role }),
    idleRole: role,
    ...(port !== undefined && { testUrl: testUrlOf(ctx, service, port) }),
    changes: changesOf(planned),
  };
}

function testUrlOf(ctx: RunContext, service: KubeObject | undefined, port: number): string {
  const { name = '', namespace = ctx.records.namespace } = service?.metadata ?? {};
  return `http://${name}.${namespace}.svc:${port}`;
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
