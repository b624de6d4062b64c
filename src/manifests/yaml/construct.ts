import { EVENT_ID } from 'js-yaml';
import type { Problem } from '../../errors.js';
import type { Position } from '../../log.js';
import { fieldAt, isFields, textAt, type Fields, type Path } from '../../kubernetes/fields.js';
import type { KubeObject } from '../../kubernetes/object.js';
import { placesOf } from './positions.js';
import type { SubstitutionMode, ValueSources } from '../placeholders/syntax.js';
import type { Resource } from '../resource.js';
import { collectionKey, replacedAsText, substitute, type SubstitutedDocument } from '../placeholders/substitution.js';
import { withTexts } from './string-fields.js';
import { construct, templateRemedy, yamlProblem, type ManifestDocument } from './documents.js';

/** Aliases let a few lines stand for any amount of values and text; no manifest needs as much as this. */
const nodeLimit = 1_000_000;
const textLimit = 50_000_000;

/** A copy in which nothing is shared; throws a RangeError where aliases make the value endless or huge. */
function unshared(root: unknown): unknown {
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

/** The value of a document, nothing in it shared. Throws as {@link construct} and {@link unshared} do. */
function valueOf({ events, source }: SubstitutedDocument): unknown {
  const value = construct(events, source);
  return events.some(({ type }) => type === EVENT_ID.ALIAS) ? unshared(value) : value;
}

/** What keeps a document from having a value; `undefined` for an error that is none of the document's. */
function valueProblem(thrown: unknown, document: SubstitutedDocument): Problem | undefined {
  const { events, locate } = document;
  if (thrown instanceof RangeError) {
    return { message: 'Aliases make this document endless or far too big.', at: placesOf(document)([]) };
  }
  const problem = yamlProblem(thrown, locate);
  const key = problem && collectionKey(events);
  if (key === undefined) return problem;
  const braces = document.source.slice(key.start - 1, key.start + 1) === '{{';
  return { message: `A key has to be text.${braces ? ` ${templateRemedy}` : ''}`, at: locate(key.start) };
}

/** What an object lacks to be one of Kubernetes'. */
function identityProblems(value: unknown, place: (path: Path) => Position): readonly Problem[] {
  if (!isFields(value)) {
    return [{ message: 'This document is not a Kubernetes object: it has no fields.', at: place([]) }];
  }
  const problems: Problem[] = [];
  const lacks = (path: Path, remedy: string): void => {
    const found = fieldAt(value, path);
    if (typeof found === 'string' && found !== '') return;
    const state = found === undefined || found === null || found === '' ? 'is missing' : 'is not text';
    problems.push({ message: `${path.join('.')} ${state}${remedy}.`, at: place(path) });
  };
  lacks(['apiVersion'], '');
  lacks(['kind'], '');
  const generated = textAt(value, ['metadata', 'generateName']) !== undefined;
  const named = fieldAt(value, ['metadata', 'name']) !== undefined;
  if (generated && !named) {
    const again = textAt(value, ['kind']) === 'Job' ? ' A named Job is made again when it changes.' : '';
    const message = `metadata.name is missing, and generateName cannot stand in: it would make a new object every run.${again}`;
    problems.push({ message, at: place(['metadata', 'generateName']) });
  } else lacks(['metadata', 'name'], typeof fieldAt(value, ['metadata', 'name']) === 'number' ? ': quote it' : '');
  const namespace = fieldAt(value, ['metadata', 'namespace']);
  if (namespace !== undefined && namespace !== null) lacks(['metadata', 'namespace'], '');
  return problems;
}

interface Located {
  readonly value: unknown;
  /** Path of the object inside its document; empty unless it came in a list. */
  readonly base: Path;
}

/** The fields that an item of a typed list may leave out: a `DeploymentList` says what its items are. */
function itemOf(list: Fields, item: unknown): unknown {
  const kind = String(list['kind']).slice(0, -'List'.length);
  return isFields(item) && kind !== '' ? { apiVersion: list['apiVersion'], kind, ...item } : item;
}

/**
 * The objects of a `List`, or of a `DeploymentList` and the like, in order; anything else is itself. A list has no name,
 * while an object of a kind as `AllowList` has one.
 */
function flatten({ value, base }: Located): readonly Located[] {
  const kind = textAt(value, ['kind']) ?? '';
  const items = fieldAt(value, ['items']) ?? [];
  const isList = kind === 'List' || (kind.endsWith('List') && isFields(value) && 'items' in value);
  const named = fieldAt(value, ['metadata', 'name']) !== undefined;
  if (!isFields(value) || !isList || named || !Array.isArray(items)) return [{ value, base }];
  return items.flatMap((item: unknown, index) =>
    flatten({ value: itemOf(value, item), base: [...base, 'items', index] }),
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

/** The objects of one document: substituted, constructed, lists flattened, each with apiVersion, kind and name. */
export function objectsOf(document: ManifestDocument, { mode, sources }: Substitution): Constructed {
  const substituted = substitute(document, mode, sources);
  const problems = [...substituted.problems];
  const placeInDocument = placesOf(substituted);
  let root: unknown;
  try {
    root = valueOf(substituted);
  } catch (thrown) {
    const problem = valueProblem(thrown, substituted);
    if (problem === undefined) throw thrown;
    return { resources: [], problems: [...problems, problem] };
  }
  if (root === null || root === undefined) return { resources: [], problems };
  const resources: Resource[] = [];
  const written = substituted.replaced.length > 0 ? construct(replacedAsText(substituted), substituted.source) : root;
  for (const { value, base } of flatten({ value: root, base: [] })) {
    const place = (path: Path): Position => placeInDocument([...base, ...path]);
    const wrong = identityProblems(value, place);
    problems.push(...wrong);
    if (wrong.length > 0) continue;
    const object = withTexts(value as Fields as KubeObject, fieldAt(written, base));
    resources.push({ object, at: place([]), place });
  }
  return { resources, problems };
}
