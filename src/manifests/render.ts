import type { Problem } from '../errors.js';
import type { RenderInputs } from '../inputs/inputs.js';
import { where } from '../log.js';
import { objectsOf } from './yaml/construct.js';
import { loadManifests } from './files/load.js';
import { withDefaults } from './overrides/defaults.js';
import type { ManifestSearch } from './files/find.js';
import { overrideImages } from './overrides/images.js';
import { definedClusterKinds } from '../kubernetes/kinds.js';
import type { BuildOptions } from './files/kustomize.js';
import { describeRef, refKey, refOf } from '../kubernetes/object.js';
import { overrideReplicas, overrideSurge } from './overrides/replicas.js';
import { addPreStop } from './overrides/pre-stop.js';
import { manifestError, type ManifestWarning } from './problems.js';
import { addPullSecrets, uselessPullSecrets } from './overrides/image-pull-secrets.js';
import { registrySecrets } from './overrides/registry-secret.js';
import type { Resource } from './resource.js';
import { mentionsIn } from './placeholders/substitution.js';
import { textProblems } from './yaml/string-fields.js';
import { upgradeDeployment } from './overrides/api-version-upgrade.js';
import { readDocuments, type Manifests } from './yaml/documents.js';

/** Everything that decides what the manifests become. */
export interface RenderRequest extends Omit<RenderInputs, 'manifests' | 'kustomize' | 'preStopExplicit'> {
  readonly manifests: Manifests;
  /** Values of the built-in names, as `NAMESPACE` and `TARGET_ROLE`; variables of the same name win. */
  readonly builtIns: Readonly<Record<string, string>>;
  /** For `$<NAME>`, where neither a variable nor a built-in has the name. */
  readonly environment: Readonly<Record<string, string>>;
  /** Namespace of objects that name none. */
  readonly namespace: string;
  /** Goes into the annotation `cutover/release`. Absent: the annotation is left out, for a draft. */
  readonly release?: string;
}

export interface Rendered {
  readonly resources: readonly Resource[];
  readonly warnings: readonly ManifestWarning[];
  /** Lines for the log: what the inputs have set in place of what the manifests say. */
  readonly notes: readonly string[];
}

/** Finds, builds and parses the manifests, once for any number of renderings. Throws as `loadManifests` does. */
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

/** Built-ins that not every step has; left as they are, they would become part of a name. */
const conditional = { TARGET_ROLE: 'strategy: blue-green', KUBERNETES_SECRET_NAME: 'registry-secret' };

function missingBuiltIns({ manifests, substitution, variables, builtIns }: RenderRequest): readonly Problem[] {
  return Object.entries(conditional).flatMap(([missing, input]) => {
    if ([variables, builtIns].some(map => Object.hasOwn(map, missing))) return [];
    const mention = mentionsIn(manifests.documents, substitution, missing).find(({ form }) => form === 'loose');
    return mention === undefined ? [] : [{ message: `${missing} has a value only with \`${input}\`.`, at: mention.at }];
  });
}

/**
 * Text to objects: placeholders, lists, retired versions, images, defaults, preStop hooks; nothing on disk changes.
 * Throws `manifest` with everything that is wrong, each with its place.
 */
export function renderManifests(request: RenderRequest): Rendered {
  const { manifests, builtIns, variables, environment, namespace, release } = request;
  const substitution = { mode: request.substitution, sources: { variables, builtIns, environment } };
  const constructed = manifests.documents.map(document => objectsOf(document, substitution));
  const upgraded = constructed.flatMap(({ resources }) => resources).map(upgradeDeployment);
  const overridden = overrideImages(
    upgraded.map(({ resource }) => resource),
    request.images,
  );
  const clusterKinds = definedClusterKinds(overridden.resources.map(({ object }) => object));
  const mistyped = overridden.resources.flatMap(textProblems);
  const { imagePullSecrets = [], registrySecret } = request;
  const made = registrySecret === undefined ? [] : registrySecrets(registrySecret, { ...overridden, namespace });
  const pulling = [...imagePullSecrets, ...(registrySecret === undefined ? [] : [registrySecret.name])];
  const defaulted = [...addPullSecrets(overridden.resources, pulling), ...made].map(resource => ({
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
    ...mistyped,
    ...duplicates(defaulted),
  ];
  // A file that could not be read may hold the image that seems to be missing.
  if (problems.length === 0)
    problems.push(
      ...overridden.problems,
      ...sized.problems,
      ...rolled.problems,
      ...uselessPullSecrets(defaulted, imagePullSecrets),
    );
  if (problems.length === 0 && defaulted.length === 0) {
    problems.push({ message: `The manifests hold no object: ${manifests.files.join(', ')}.` });
  }
  if (problems.length > 0) throw manifestError(problems);
  const warnings = upgraded.flatMap(one => one.warnings);
  const notes = [overridden, sized, rolled].flatMap(one => one.notes);
  const { resources } = rolled;
  if (request.preStopSeconds === undefined) return { resources, warnings, notes };
  const delayed = addPreStop(resources, request.preStopSeconds);
  return { resources: delayed.resources, warnings: [...warnings, ...delayed.warnings], notes };
}
