import { isFields } from '../../kubernetes/fields.js';
import type { FieldTree } from './owned-fields.js';
import { own } from '../../own.js';

/** Owned fields of an entry of `managedFields`: the path of each as JSON, such as `["f:spec","f:replicas"]`. */
export type FieldSet = ReadonlySet<string>;

/** Path of `spec.replicas` in a {@link FieldSet}. */
export const replicasField = JSON.stringify(['f:spec', 'f:replicas']);

/** The annotation in which the controller of a Deployment counts the versions of its pods. */
export const revisionField = JSON.stringify(['f:metadata', 'f:annotations', 'f:deployment.kubernetes.io/revision']);

/** The fields of a `fieldsV1` tree. */
export function fieldSetOf(tree: FieldTree = {}): FieldSet {
  const fields = new Set<string>();
  const add = (node: FieldTree, path: readonly string[]): void => {
    for (const [step, below] of Object.entries(node)) {
      if (step === '.') fields.add(JSON.stringify(path));
      else if (Object.keys(below).length === 0) fields.add(JSON.stringify([...path, step]));
      else add(below, [...path, step]);
    }
  };
  add(tree, []);
  return fields;
}

type Node = { [step: string]: Node };

/** The `fieldsV1` tree of these fields. A field that owns others below it has the member `.` as well. */
export function fieldTreeOf(fields: FieldSet): FieldTree {
  const root: Node = {};
  const nodes = [...fields].map(path => {
    const steps = JSON.parse(path) as readonly string[];
    return steps.reduce<Node>((node, step) => (node[step] ??= {}), root);
  });
  // Only now it is known which fields have others below them.
  for (const node of nodes) if (Object.keys(node).length > 0) node['.'] = {};
  return root;
}

/** All fields of two trees. */
export function mergedTrees(one: FieldTree, other: FieldTree): FieldTree {
  const union: Record<string, FieldTree> = { ...one };
  for (const [field, below] of Object.entries(other)) {
    const existing = union[field];
    union[field] = existing === undefined ? below : mergedTrees(existing, below);
  }
  return union;
}

/** Whether the object has this field of a {@link FieldSet}. */
export function hasFieldAt(object: unknown, field: string): boolean {
  const steps = JSON.parse(field) as readonly string[];
  let values: readonly unknown[] = [object];
  for (const step of steps) values = values.flatMap(value => below(value, step));
  return values.length > 0;
}

/** The values that a step of a path leads to; none where it leads nowhere. */
function below(value: unknown, step: string): readonly unknown[] {
  const selector = step.slice(2);
  if (step.startsWith('f:')) return isFields(value) && Object.hasOwn(value, selector) ? [value[selector]] : [];
  if (!Array.isArray(value)) return [];
  const items = value as readonly unknown[];
  if (step.startsWith('v:')) return items.filter(item => JSON.stringify(item) === selector);
  if (step.startsWith('i:')) return items.slice(Number(selector), Number(selector) + 1);
  const keys = Object.entries(JSON.parse(selector) as Record<string, unknown>);
  return items.filter(item => isFields(item) && keys.every(([key, expected]) => own(item, key) === expected));
}
