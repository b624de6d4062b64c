import { objectAt, textAt, timestamp, type JsonObject } from '../schema/json.js';
import type { Access, Authorizer, User } from './rbac.js';
import type { Reply } from '../http/reply.js';

/** Answers the reviews that clients post about themselves; `undefined` for every other path. */
export function review(
  path: string,
  body: JsonObject,
  asked: { user: User; authorizer: Authorizer },
): Reply | undefined {
  const { user, authorizer } = asked;
  switch (path) {
    case '/apis/authentication.k8s.io/v1/selfsubjectreviews': {
      const userInfo = { username: user.name, ...(user.uid === undefined ? {} : { uid: user.uid }) };
      return reply('authentication.k8s.io/v1', 'SelfSubjectReview', {
        metadata: { creationTimestamp: timestamp() },
        status: { userInfo: { ...userInfo, groups: [...user.groups] } },
      });
    }
    case '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews':
      return reply('authorization.k8s.io/v1', 'SelfSubjectAccessReview', {
        spec: objectAt(body, 'spec'),
        status: { allowed: authorizer.allows(user, accessIn(objectAt(body, 'spec'))) },
      });
    case '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews': {
      const rules = authorizer.rulesOf(user, textAt(objectAt(body, 'spec'), 'namespace') ?? '');
      const isPath = (rule: JsonObject): boolean => 'nonResourceURLs' in rule;
      return reply('authorization.k8s.io/v1', 'SelfSubjectRulesReview', {
        spec: {},
        status: {
          resourceRules: rules.filter(rule => !isPath(rule)),
          nonResourceRules: rules.filter(isPath),
          incomplete: false,
        },
      });
    }
    default:
      return undefined;
  }
}

function reply(apiVersion: string, kind: string, content: JsonObject): Reply {
  return { status: 201, body: { kind, apiVersion, metadata: {}, ...content } };
}

function accessIn(spec: JsonObject): Access {
  const path = objectAt(spec, 'nonResourceAttributes');
  if ('path' in path) return { verb: textAt(path, 'verb') ?? '', path: textAt(path, 'path') ?? '' };
  const attributes = objectAt(spec, 'resourceAttributes');
  const at = (name: string): string => textAt(attributes, name) ?? '';
  const subresource = at('subresource');
  return {
    verb: at('verb'),
    group: at('group'),
    resource: subresource === '' ? at('resource') : `${at('resource')}/${subresource}`,
    namespace: at('namespace'),
    name: at('name'),
  };
}
