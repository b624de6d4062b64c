import type { Problem } from '../errors.js';
import type { Position } from '../log.js';
import { fieldAt, isFields, textAt, type Fields, type Path } from './fields.js';
import type { KubeObject } from './object.js';
import { placesOf } from './places.js';
import type { SubstitutionMode, ValueSources } from './placeholder.js';
import type { Resource } from './resource.js';
import { substitute } from './substitution.js';
import { construct, yamlProblem, type ManifestDocument } from './yaml.js';

/** Aliases let a few lines stand for any number of values; no manifest needs as many as this. */
const nodeLimit = 1_000_000;
const depthLimit = 200;

/** A copy in which nothing is shared; throws a RangeError where aliases make the value endless or huge. */
function unshared(root: unknown): unknown {
  let nodes = 0;
  const copy = (value: unknown, depth: number): unknown => {
    nodes += 1;
    if (nodes > nodeLimit || depth > depthLimit) throw new RangeError('aliases');
    if (Array.isArray(value)) return value.map(item => copy(item, depth + 1));
    if (!isFields(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, copy(field, depth + 1)]));
  };
  return copy(root, 0);
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
    const message = 'metadata.name is missing, and generateName cannot stand in: it would make a new object every run.';
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

/** The objects of a `List`, or of a `DeploymentList` and the like, in order; anything else is itself. */
function flatten({ value, base }: Located): readonly Located[] {
  const isList = (textAt(value, ['kind']) ?? '').endsWith('List');
  const items = isList ? fieldAt(value, ['items']) : undefined;
  if (!Array.isArray(items)) return [{ value, base }];
  return items.flatMap((item: unknown, index) => flatten({ value: item, base: [...base, 'items', index] }));
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
    root = unshared(construct(substituted.events, substituted.source));
  } catch (thrown) {
    const problem =
      thrown instanceof RangeError
        ? { message: 'Aliases make this document endless or far too big.', at: placeInDocument([]) }
        : yamlProblem(thrown, substituted.locate);
    if (problem === undefined) throw thrown;
    return { resources: [], problems: [...problems, problem] };
  }
  if (root === null || root === undefined) return { resources: [], problems };
  const resources: Resource[] = [];
  for (const { value, base } of flatten({ value: root, base: [] })) {
    const place = (path: Path): Position => placeInDocument([...base, ...path]);
    const wrong = identityProblems(value, place);
    problems.push(...wrong);
    if (wrong.length === 0) resources.push({ object: value as Fields as KubeObject, at: place([]), place });
  }
  return { resources, problems };
}
