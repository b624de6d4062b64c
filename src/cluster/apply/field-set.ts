import type { FieldTree } from './owned-fields.js';

/** Owned fields of an entry of `managedFields`: the path of each as JSON, such as `["f:spec","f:replicas"]`. */
export type FieldSet = ReadonlySet<string>;

/** Path of `spec.replicas` in a {@link FieldSet}. */
export const replicasField = JSON.stringify(['f:spec', 'f:replicas']);

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
