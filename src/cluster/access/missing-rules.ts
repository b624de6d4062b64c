import { groupOf } from '../../kubernetes/object.js';
import type { NeededRule } from '../cluster.js';
import { ruleText } from '../http/error-status.js';
import { objectOf, type Resources } from '../resources.js';

const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview' };

/** What of the rules the user does not have, in the words of RBAC, one entry for each kind and namespace. Throws what the API server answers. */
export async function missingRules(resources: Resources, needed: readonly NeededRule[]): Promise<readonly string[]> {
  const found = await Promise.all(merged(needed).map(rule => missingOf(resources, rule)));
  return found.flat();
}

/** One rule for each kind and namespace. */
function merged(needed: readonly NeededRule[]): readonly NeededRule[] {
  const rules = new Map<string, NeededRule>();
  for (const { kind, verbs } of needed) {
    const key = [groupOf(kind.apiVersion), kind.kind, kind.namespace].join('/');
    rules.set(key, { kind, verbs: [...new Set([...(rules.get(key)?.verbs ?? []), ...verbs])] });
  }
  return [...rules.values()];
}

async function missingOf(resources: Resources, { kind, verbs }: NeededRule): Promise<readonly string[]> {
  const { resource, target } = await resources.describe(kind);
  const { namespace } = target;
  const attributes = { group: groupOf(kind.apiVersion), resource, ...(namespace !== undefined && { namespace }) };
  const denied = await Promise.all(
    verbs.map(async verb => {
      const body = { ...review, spec: { resourceAttributes: { ...attributes, verb } } };
      const answer = objectOf(await resources.send(review, { method: 'POST', verb: 'create', body }));
      const { allowed } = (answer['status'] ?? {}) as { readonly allowed?: boolean };
      return allowed === false ? [verb] : [];
    }),
  );
  const missing = denied.flat();
  return missing.length === 0 ? [] : [ruleText({ verbs: missing, target, resource })];
}
