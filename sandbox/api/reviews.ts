import { objectAt, textAt, type JsonObject } from './json.js';
import { allowed, type LimitedUser, type User } from './identity.js';
import type { Reply } from './reply.js';

/** Answers the reviews that clients post about themselves; `undefined` for every other path. */
export function review(
  path: string,
  body: JsonObject,
  asked: { user: User; users: readonly LimitedUser[] },
): Reply | undefined {
  const { user, users } = asked;
  if (path === '/apis/authentication.k8s.io/v1/selfsubjectreviews') {
    const userInfo = { username: user.name, groups: [...user.groups] };
    return {
      status: 201,
      body: { kind: 'SelfSubjectReview', apiVersion: 'authentication.k8s.io/v1', metadata: {}, status: { userInfo } },
    };
  }
  if (path !== '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews') return undefined;
  const attributes = objectAt(body, 'spec', 'resourceAttributes');
  const at = (name: string): string => textAt(attributes, name) ?? '';
  const subresource = at('subresource');
  const may = allowed(
    user,
    {
      verb: at('verb'),
      group: at('group'),
      resource: subresource === '' ? at('resource') : `${at('resource')}/${subresource}`,
      namespace: at('namespace'),
      name: at('name'),
    },
    users,
  );
  return {
    status: 201,
    body: {
      kind: 'SelfSubjectAccessReview',
      apiVersion: 'authorization.k8s.io/v1',
      metadata: {},
      spec: objectAt(body, 'spec'),
      status: { allowed: may },
    },
  };
}
