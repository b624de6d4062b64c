import type { Problem } from '../errors.js';
import type { RenderInputs } from '../inputs/inputs.js';
import { where } from '../log.js';
import { objectsOf } from './yaml/construct.js';
import { loadManifests } from './files/load.js';
import { withDefaults } from './overrides/defaults.js';
import type { ManifestSearch } from './files/find.js';
import { withoutClusterFields } from './overrides/exported.js';
import { overrideImages } from './overrides/images.js';
import { definedClusterKinds } from '../kubernetes/kinds.js';
import type { BuildOptions } from './files/kustomize.js';
import { describeRef, refKey, refOf } from '../kubernetes/object.js';
import { withoutHooks } from './hooks.js';
import { overrideReplicas, overrideSurge } from './overrides/replicas.js';
import { addPreStop } from './overrides/pre-stop.js';
import { manifestError, type ManifestWarning } from './problems.js';
import { addPullSecrets, unusedPullSecrets } from './overrides/image-pull-secrets.js';
import { registrySecrets } from './overrides/registry-secret.js';
import type { Resource } from './resource.js';
import { looseNotes } from './placeholders/loose-notes.js';
import { findPlaceholders } from './placeholders/substitution.js';
import { fieldProblems } from './yaml/string-fields.js';
import { upgradeDeployment } from './overrides/api-version-upgrade.js';
import { readDocuments, type Manifests } from './yaml/documents.js';

/** Everything that the result of rendering depends on. */
export interface RenderRequest extends Omit<RenderInputs, 'manifests' | 'kustomize' | 'preStopExplicit'> {
  readonly manifests: Manifests;
  /** Values of the built-in names, such as `NAMESPACE` and `TARGET_ROLE`; variables of the same name take precedence. */
  readonly builtIns: Readonly<Record<string, string>>;
  /** For `$<NAME>`, where neither a variable nor a built-in has this name. */
  readonly environment: Readonly<Record<string, string>>;
  /** Namespace of objects without one. */
  readonly namespace: string;
  /** Value of the annotation `cutover/release`. Absent: no annotation, for a draft rendering. */
  readonly release?: string;
}

export interface Rendered {
  readonly resources: readonly Resource[];
  readonly warnings: readonly ManifestWarning[];
  /** Lines for the log: the order of several files, and the fields that inputs have overridden. */
  readonly notes: readonly string[];
}

/** Finds, builds and parses the manifests; the result can be rendered several times. Throws as `loadManifests` does. */
export async function readManifests(search: ManifestSearch & BuildOptions): Promise<Manifests> {
  return readDocuments(await loadManifests(search));
}

function duplicates(resources: readonly Resource[]): readonly Problem[] {
  const seen = new Map<string, Resource>();
  return resources.flatMap(resource => {
    const ref = refOf(resource.object);
    const first = seen.get(refKey(ref));
    seen.set(refKey(ref), first ?? resource);
    if (first === undefined) return [];
    return [{ message: `${describeRef(ref)} is already defined at ${where(first.at)}.`, at: resource.at }];
  });
}

/** Built-ins that only some inputs define; without a value, the placeholder would become part of a name. */
const conditionalBuiltIns = { TARGET_ROLE: 'strategy: blue-green', KUBERNETES_SECRET_NAME: 'registry-secret' };

function missingBuiltIns({ manifests, substitution, variables, builtIns }: RenderRequest): readonly Problem[] {
  return Object.entries(conditionalBuiltIns).flatMap(([missing, input]) => {
    if ([variables, builtIns].some(map => Object.hasOwn(map, missing))) return [];
    const placeholder = findPlaceholders(manifests.documents, substitution, missing).find(
      ({ form }) => form === 'loose',
    );
    return placeholder === undefined
      ? []
      : [{ message: `${missing} has a value only with \`${input}\`.`, at: placeholder.at }];
  });
}

/**
 * Text to objects: placeholders, lists, removed API versions, images, defaults, preStop hooks. Does not change any file.
 * Throws `manifest` with all problems, each with its position.
 */
export function renderManifests(request: RenderRequest): Rendered {
  const { manifests, builtIns, variables, environment, namespace, release } = request;
  const substitution = { mode: request.substitution, sources: { variables, builtIns, environment } };
  const constructed = manifests.documents.map(document => objectsOf(document, substitution));
  const upgraded = constructed.flatMap(({ resources }) => resources).map(upgradeDeployment);
  const deployed = withoutHooks(upgraded.map(({ resource }) => resource));
  const stripped = withoutClusterFields(deployed.resources);
  const overridden = overrideImages(stripped.resources, request.images);
  const clusterKinds = definedClusterKinds(overridden.resources.map(({ object }) => object));
  const mistyped = overridden.resources.flatMap(fieldProblems);
  const { imagePullSecrets = [], registrySecret } = request;
  const secretResources =
    registrySecret === undefined ? [] : registrySecrets(registrySecret, { ...overridden, namespace });
  const pullSecretNames = [...imagePullSecrets, ...(registrySecret === undefined ? [] : [registrySecret.name])];
  const defaulted = [...addPullSecrets(overridden.resources, pullSecretNames), ...secretResources].map(resource => ({
    ...resource,
    object: withDefaults(resource.object, { namespace, clusterKinds, ...(release === undefined ? {} : { release }) }),
  }));
  const { overrides = {} } = request;
  const sized = overrideReplicas(defaulted, overrides.replicas);
  const rolled = overrideSurge(sized.resources, overrides);
  const problems = [
    ...manifests.problems,
    ...missingBuiltIns(request),
    ...constructed.flatMap(document => document.problems),
    ...upgraded.flatMap(one => one.problems),
    ...deployed.problems,
    ...mistyped,
    ...duplicates(defaulted),
  ];
  // A file that could not be parsed may contain the image that seems to be missing.
  if (problems.length === 0)
    problems.push(
      ...overridden.problems,
      ...sized.problems,
      ...rolled.problems,
      ...unusedPullSecrets(defaulted, imagePullSecrets),
    );
  if (problems.length === 0 && defaulted.length === 0) {
    problems.push({ message: `The manifests contain no object: ${manifests.files.join(', ')}.` });
  }
  if (problems.length > 0) throw manifestError(problems);
  const loose = looseNotes(manifests.documents, request.substitution, { variables, builtIns });
  const fromManifests = [...upgraded.flatMap(one => one.warnings), ...loose.warnings];
  const warnings = [...fromManifests, ...deployed.warnings, ...stripped.warnings];
  const order = manifests.files.length > 1 ? ['Manifests, in this order:', ...manifests.files] : [];
  const notes = [...order, ...loose.notes, ...[stripped, overridden, sized, rolled].flatMap(one => one.notes)];
  const { resources } = rolled;
  if (request.preStopSeconds === undefined) return { resources, warnings, notes };
  const delayed = addPreStop(resources, request.preStopSeconds);
  return { resources: delayed.resources, warnings, notes: [...notes, ...delayed.notes] };
}
