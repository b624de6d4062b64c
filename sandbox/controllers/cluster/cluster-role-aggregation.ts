import { asJson, equal, objectAt, objectsAt, type JsonObject } from '../../api/schema/json.js';
import { selects } from '../../api/store/selectors.js';
import type { Controller } from '../context.js';
import { createQueue } from '../queue.js';

const CLUSTER_ROLE = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole' };
const manager = 'clusterrole-aggregation-controller';

const selectorsOf = (role: JsonObject): JsonObject[] => objectsAt(role, 'aggregationRule', 'clusterRoleSelectors');

/** Gives each ClusterRole with an `aggregationRule` the rules of those that it selects, by their names, each rule once. */
export const clusterRoleAggregation: Controller = ({ store, clock }) => {
  const roles = (): JsonObject[] => store.list(CLUSTER_ROLE).map(asJson);
  const queue = createQueue(clock, name => {
    const live = store.get({ ...CLUSTER_ROLE, name });
    if (live === undefined) return;
    const role = asJson(live);
    if (selectorsOf(role).length === 0) return;
    const others = roles()
      .filter(other => objectAt(other, 'metadata').name !== name)
      .sort((a, b) => nameIn(a).localeCompare(nameIn(b)));
    const rules: JsonObject[] = [];
    for (const selector of selectorsOf(role)) {
      for (const other of others.filter(one => selects(selector, objectAt(one, 'metadata', 'labels')))) {
        for (const rule of objectsAt(other, 'rules')) if (!rules.some(known => equal(known, rule))) rules.push(rule);
      }
    }
    if (!equal(rules, objectsAt(role, 'rules'))) store.apply({ ...CLUSTER_ROLE, metadata: { name }, rules }, manager);
  });
  const end = store.watch(CLUSTER_ROLE, () => {
    for (const role of roles()) if (selectorsOf(role).length > 0) queue.add(nameIn(role));
  });
  return () => {
    queue.close();
    end();
  };
};

function nameIn(role: JsonObject): string {
  const { name } = objectAt(role, 'metadata');
  return typeof name === 'string' ? name : '';
}
