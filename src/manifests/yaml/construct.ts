import { EVENT_ID } from 'js-yaml';
import type { Problem } from '../../errors.js';
import type { Position } from '../../log.js';
import { fieldAt, isFields, textAt, type Fields, type Path } from '../../kubernetes/fields.js';
import type { KubeObject } from '../../kubernetes/object.js';
import { mergeProblems } from './merge-order.js';
import { unlikeKubectl } from './unlike-kubectl.js';
import { positionFinder } from './positions.js';
import type { SubstitutionMode, ValueSources } from '../placeholders/syntax.js';
import type { Resource } from '../resource.js';
import {
  collectionKey,
  markedSensitive,
  replacedAsText,
  substitute,
  type SubstitutedDocument,
} from '../placeholders/substitution.js';
import { withSensitiveFields } from '../sensitive-fields.js';
import { withStrings } from './string-fields.js';
import { construct, templateRemedy, yamlProblem, type ManifestDocument } from './documents.js';

/** Limits for the expansion of aliases: a few lines can expand to any number of values. No manifest needs this many. */
const nodeLimit = 1_000_000;
const textLimit = 50_000_000;

/** A copy without shared references; throws a RangeError where aliases make the value infinite or too large. */
function expandAliases(root: unknown): unknown {
  let nodes = 0;
  let characters = 0;
  const copy = (value: unknown): unknown => {
    nodes += 1;
    if (typeof value === 'string') characters += value.length;
    if (nodes > nodeLimit || characters > textLimit) throw new RangeError('aliases');
    if (Array.isArray(value)) return value.map(copy);
    if (!isFields(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, copy(field)]));
  };
  return copy(root);
}

/** The value of a document, with aliases expanded. Throws as {@link construct} and {@link expandAliases} do. */
function valueOf({ events, source }: SubstitutedDocument): unknown {
  const value = construct(events, source);
  return events.some(({ type }) => type === EVENT_ID.ALIAS) ? expandAliases(value) : value;
}

/** The error of an invalid document as a problem; `undefined` for any other error. */
function valueProblem(thrown: unknown, document: SubstitutedDocument): Problem | undefined {
  const { events, locate } = document;
  if (thrown instanceof RangeError) {
    return { message: 'Aliases make this document infinite or too large.', at: positionFinder(document)([]) };
  }
  const problem = yamlProblem(thrown, locate);
  const key = problem && collectionKey(events);
  if (key === undefined) return problem;
  const braces = document.source.slice(key.start - 1, key.start + 1) === '{{';
  return { message: `A key must be a string.${braces ? ` ${templateRemedy}` : ''}`, at: locate(key.start) };
}

/** Files of other tools that often lie beside manifests, by a map that they have and no object has at its root. */
const foreignKinds = [
  { field: 'services', name: 'a Docker Compose file' },
  { field: 'jobs', name: 'a GitHub Actions workflow' },
];

/** Whose file this is, if it is none of Kubernetes; `undefined`: nothing says so. */
function foreignProblem(root: unknown, at: Position): Problem | undefined {
  if (!isFields(root) || ['apiVersion', 'kind', 'metadata'].some(field => fieldAt(root, [field]) !== undefined))
    return undefined;
  const found = foreignKinds.find(({ field }) => isFields(fieldAt(root, [field])));
  if (found === undefined) return undefined;
  const convert = found.field === 'services' ? ', or specify manifests that an earlier step makes of it' : '';
  const message = `This is ${found.name}, not a Kubernetes object. Exclude it with a \`!\` pattern in the input \`manifests\`${convert}.`;
  return { message, at };
}

/** Fields that every Kubernetes object must have and this one lacks. */
function identityProblems(value: unknown, positionOf: (path: Path) => Position): readonly Problem[] {
  if (!isFields(value)) {
    return [{ message: 'This document is not a Kubernetes object: it has no fields.', at: positionOf([]) }];
  }
  const problems: Problem[] = [];
  const requireString = (path: Path, remedy: string): void => {
    const found = fieldAt(value, path);
    if (typeof found === 'string' && found !== '') return;
    const state = found === undefined || found === null || found === '' ? 'is missing' : 'is not a string';
    problems.push({ message: `${path.join('.')} ${state}${remedy}.`, at: positionOf(path) });
  };
  requireString(['apiVersion'], '');
  requireString(['kind'], '');
  const generated = textAt(value, ['metadata', 'generateName']) !== undefined;
  const named = fieldAt(value, ['metadata', 'name']) !== undefined;
  if (generated && !named) {
    const forJobs = textAt(value, ['kind']) === 'Job' ? ' A Job with a name is recreated when it changes.' : '';
    const message = `metadata.name is missing, and generateName is not supported: every run would create a new object.${forJobs}`;
    problems.push({ message, at: positionOf(['metadata', 'generateName']) });
  } else
    requireString(
      ['metadata', 'name'],
      ['number', 'boolean'].includes(typeof fieldAt(value, ['metadata', 'name'])) ? ': quote it' : '',
    );
  const namespace = fieldAt(value, ['metadata', 'namespace']);
  if (namespace !== undefined && namespace !== null) requireString(['metadata', 'namespace'], '');
  return problems;
}

interface LocatedValue {
  readonly value: unknown;
  /** Path of the object in its document; empty unless it is an item of a list. */
  readonly base: Path;
}

/** An item with apiVersion and kind; an item of a typed list, as `DeploymentList`, may omit them. */
function withListKind(list: Fields, item: unknown): unknown {
  const kind = String(list['kind']).slice(0, -'List'.length);
  return isFields(item) && kind !== '' ? { apiVersion: list['apiVersion'], kind, ...item } : item;
}

/**
 * The items of a `List` or a typed list such as `DeploymentList`, in order; any other value is returned as it is. A list
 * has no name, an object of a kind such as `AllowList` has one.
 */
function flatten({ value, base }: LocatedValue): readonly LocatedValue[] {
  const kind = textAt(value, ['kind']) ?? '';
  const items = fieldAt(value, ['items']) ?? [];
  const isList = kind === 'List' || (kind.endsWith('List') && isFields(value) && 'items' in value);
  const named = fieldAt(value, ['metadata', 'name']) !== undefined;
  if (!isFields(value) || !isList || named || !Array.isArray(items)) return [{ value, base }];
  return items.flatMap((item: unknown, index) =>
    flatten({ value: withListKind(value, item), base: [...base, 'items', index] }),
  );
}

export interface Constructed {
  readonly resources: readonly Resource[];
  readonly problems: readonly Problem[];
}

export interface Substitution {
  readonly mode: SubstitutionMode;
  readonly sources: ValueSources;
}

/** Stands for a value of the environment. No text of a file has a NUL. */
const sensitiveMark = '\0from the environment';

/** The value of a document with {@link sensitiveMark} in place of every value that contains one of the environment. */
function markedRoot(document: SubstitutedDocument): unknown {
  if (document.sensitive.length === 0) return undefined;
  const { events, source } = markedSensitive(document, sensitiveMark);
  return construct(events, source);
}

/** The objects of one document: substituted, constructed, lists flattened, each with apiVersion, kind and name. */
export function objectsOf(document: ManifestDocument, { mode, sources }: Substitution): Constructed {
  const substituted = substitute(document, mode, sources);
  const problems = [...substituted.problems, ...mergeProblems(substituted), ...unlikeKubectl(document)];
  const positionInDocument = positionFinder(substituted);
  let root: unknown;
  try {
    root = valueOf(substituted);
  } catch (thrown) {
    const problem = valueProblem(thrown, substituted);
    if (problem === undefined) throw thrown;
    return { resources: [], problems: [...problems, problem] };
  }
  if (root === null || root === undefined) return { resources: [], problems };
  // Alone: what else is wrong in such a file is not for its reader to mend.
  const foreign = foreignProblem(root, positionInDocument([]));
  if (foreign !== undefined) return { resources: [], problems: [foreign] };
  const resources: Resource[] = [];
  const untyped = substituted.replaced.length > 0 ? construct(replacedAsText(substituted), substituted.source) : root;
  const marked = markedRoot(substituted);
  for (const { value, base } of flatten({ value: root, base: [] })) {
    const positionOf = (path: Path): Position => positionInDocument([...base, ...path]);
    const objectProblems = identityProblems(value, positionOf);
    problems.push(...objectProblems);
    if (objectProblems.length > 0) continue;
    const typed = withStrings(value as Fields as KubeObject, fieldAt(untyped, base));
    const object = withSensitiveFields(typed, fieldAt(marked, base), sensitiveMark);
    resources.push({ object, at: positionOf([]), positionOf });
  }
  return { resources, problems };
}
