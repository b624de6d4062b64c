import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { ApiError, refusal, type Named } from './status.js';

/** Who asks. */
export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

/** What someone wants to do, in the words of RBAC. */
export interface Access {
  readonly verb: string;
  readonly group: string;
  /** `deployments`, or `pods/log` for a subresource. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

/** A user that is known by a bearer token and may do only part of everything. */
export interface LimitedUser extends User {
  readonly token: string;
  /** What the user may do. Absent: everything. */
  readonly may?: (access: Access) => boolean;
}

/** Who sent the request: the client certificate's owner or the token's. `undefined`: nobody known. */
export function whoAsks(request: IncomingMessage, users: readonly LimitedUser[]): User | undefined {
  const { socket } = request;
  if (socket instanceof TLSSocket && socket.authorized) {
    const { subject } = socket.getPeerCertificate();
    return { name: one(subject.CN), groups: [one(subject.O), 'system:authenticated'] };
  }
  const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  const user = users.find(candidate => candidate.token === token);
  return user === undefined ? undefined : { ...user, groups: [...user.groups, 'system:authenticated'] };
}

const one = (value: string | string[] | undefined): string => (Array.isArray(value) ? value[0] : value) ?? '';

export function allowed(user: User, access: Access, users: readonly LimitedUser[]): boolean {
  const limited = users.find(candidate => candidate.name === user.name);
  return limited?.may?.(access) ?? true;
}

export function unauthorized(): ApiError {
  return refusal(401, 'Unauthorized', { message: 'Unauthorized' });
}

/** The 403 of an RBAC authorizer: who, what, where. */
export function denied(user: User, access: Access): ApiError {
  const { verb, group, resource, namespace, name } = access;
  const plural = resource.split('/')[0] ?? '';
  const of: Named = { group, plural, kind: plural };
  const subject = (group === '' ? plural : `${plural}.${group}`) + (name === '' ? '' : ` ${JSON.stringify(name)}`);
  const scope = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const message = `${subject} is forbidden: User "${user.name}" cannot ${verb} resource "${resource}" in API group "${group}" ${scope}`;
  const details = { ...(name === '' ? {} : { name }), ...(group === '' ? {} : { group }), kind: of.plural };
  return refusal(403, 'Forbidden', { message, details });
}
