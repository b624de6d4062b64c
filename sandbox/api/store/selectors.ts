import { objectAt, textAt, type JsonObject, type JsonValue } from '../schema/json.js';
import { badRequest } from '../http/status.js';

type Test = (object: JsonObject) => boolean;

/** Splits at commas that are not inside parentheses. */
function clauses(selector: string): string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map(clause => clause.trim())
    .filter(clause => clause !== '');
}

function labelTest(clause: string): (labels: JsonObject) => boolean {
  const inSet = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(clause);
  if (inSet !== null) {
    const [, key = '', operator, list = ''] = inSet;
    const values = list.split(',').map(value => value.trim());
    return labels => values.includes(textOf(labels[key])) === (operator === 'in');
  }
  const relation = /^([^!=\s]+)\s*(==|=|!=)\s*(\S*)$/.exec(clause);
  if (relation !== null) {
    const [, key = '', operator, value = ''] = relation;
    return labels => (Object.hasOwn(labels, key) && labels[key] === value) === (operator !== '!=');
  }
  const presence = /^(!?)\s*([\w./-]+)$/.exec(clause);
  if (presence === null) throw unreadable(clause);
  const [, not, key = ''] = presence;
  return labels => Object.hasOwn(labels, key) === (not === '');
}

/** The error of an unexpected token, in the words of the API server's parser. */
function unreadable(clause: string): Error {
  const [, set] = /^\S+\s+(?:in|notin)\s+([^(\s]+)/.exec(clause) ?? [];
  if (set !== undefined) return badRequest(`unable to parse requirement: found '${set}' expected: '('`);
  const [, more] = /^[^!=\s]+\s*(?:==|=|!=)\s*\S+\s+(\S+)/.exec(clause) ?? [];
  if (more !== undefined) return badRequest(`found '${more}', expected: ',' or 'end of string'`);
  return badRequest(`unable to parse requirement: found '${clause}'`);
}

const textOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '\u0000');

/** A test by labels: `app=web,role!=blue,tier in (a,b),!legacy`. Empty: all. Throws 400 for an invalid selector. */
export function labelSelector(selector: string): Test {
  const tests = clauses(selector).map(labelTest);
  return object => {
    const labels = objectAt(object, 'metadata', 'labels');
    return tests.every(test => test(labels));
  };
}

/** Fields that can be selected by; every kind has name and namespace. */
const selectable: Readonly<Record<string, readonly string[]>> = {
  pods: [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'status.phase',
    'status.podIP',
  ],
  events: ['involvedObject.*', 'reason', 'reportingComponent', 'source', 'type'],
  secrets: ['type'],
  namespaces: ['status.phase'],
  'jobs.batch': ['status.successful'],
  'replicasets.apps': ['status.replicas'],
  services: ['spec.clusterIP', 'spec.type'],
};

function fieldAt(object: JsonObject, path: string): string {
  const steps = path.split('.');
  const last = steps.pop() ?? '';
  const parent = objectAt(object, ...steps);
  const value = parent[last];
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}

/** A test by fields: `metadata.name=web,status.phase!=Running`. Throws 400 for a field the resource does not offer. */
export function fieldSelector(selector: string, resource: string): Test {
  const offered = ['metadata.name', 'metadata.namespace', ...(selectable[resource] ?? [])];
  const tests = clauses(selector).map((clause): Test => {
    const [, field = '', operator, value] = /^([^!=\s]+)\s*(==|=|!=)\s*(.*)$/.exec(clause) ?? [];
    if (operator === undefined) throw badRequest(`invalid selector: '${clause}'; can't understand '${clause}'`);
    if (!offered.includes(field) && !(offered.includes('involvedObject.*') && field.startsWith('involvedObject.'))) {
      const known = offered.map(name => JSON.stringify(name)).join(', ');
      throw badRequest(`"${field}" is not a known field selector: only ${known}`);
    }
    return object => (fieldAt(object, field) === value) === (operator !== '!=');
  });
  return object => tests.every(test => test(object));
}

/** Whether a `LabelSelector` (matchLabels, matchExpressions) selects these labels; an empty one selects all. */
export function selects(selector: JsonObject, labels: JsonObject): boolean {
  const equalities = Object.entries(objectAt(selector, 'matchLabels'));
  const expressions = Array.isArray(selector.matchExpressions) ? selector.matchExpressions : [];
  return (
    equalities.every(([key, value]) => labels[key] === value) &&
    expressions.every(expression => {
      const one = objectAt(expression);
      const key = textAt(one, 'key') ?? '';
      const values = Array.isArray(one.values) ? one.values : [];
      const present = Object.hasOwn(labels, key);
      if (one.operator === 'Exists') return present;
      if (one.operator === 'DoesNotExist') return !present;
      const among = present && values.includes(labels[key] ?? null);
      return one.operator === 'NotIn' ? !among : among;
    })
  );
}
