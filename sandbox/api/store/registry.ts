import { randomUUID } from 'node:crypto';
import { needNamespace, needServiceAccount } from '../validation/admission.js';
import { applyConfig } from '../apply/apply.js';
import { checkPreconditions, converted, decodeAs, partOf, untypable } from '../writes/write-rules.js';
import { admit, initialStatus, setDefaults } from '../schema/defaults.js';
import { generationContent } from '../writes/generation.js';
import { generatedName } from '../writes/generated-name.js';
import { Deletion, type DeleteOptions } from '../writes/deletion.js';
import {
  childOf,
  clone,
  equal,
  erase,
  nameOf,
  objectAt,
  setOrErase,
  textAt,
  timestamp,
  type JsonObject,
} from '../schema/json.js';
import { apiVersionOf, resourceOf, type Kind, type Kinds } from '../schema/kinds.js';
import { asStored, inVersion, storedKind, versionsOf } from '../schema/versions.js';
import { closedFields, recordUpdate, sameButTimes, type Update } from '../apply/managed.js';
import { canonicalQuantities } from '../schema/quantity.js';
import type { WriteOptions } from '../writes/write-rules.js';
import { unknownKind } from '../schema/schemas.js';
import { allocateAddresses } from '../writes/service-addresses.js';
import { badRequest, invalid, refusal, notFound, alreadyExists, invalidValue } from '../http/status.js';
import { keyOf, type ObjectKey, type Storage } from './storage.js';
import { numberTemplate } from '../writes/template-generation.js';
import { typedProblems } from '../schema/typed-check.js';
import { validate } from '../validation/validation.js';
import { metadataUpdateErrors } from '../validation/metadata.js';
import { validateUpdate } from '../validation/update.js';
import { warningsAbout } from '../validation/warnings.js';

/** The outcome of a write. */
export interface Written {
  readonly object: JsonObject;
  readonly created: boolean;
}

/** Creates, updates, applies and deletes objects as the registry of a real API server does. */
export class Registry {
  readonly #deletion: Deletion;

  constructor(
    readonly storage: Storage,
    readonly kinds: Kinds,
  ) {
    this.#deletion = new Deletion(storage);
  }

  /** The object in the version that `kind` asks for. */
  read(kind: Kind, key: ObjectKey): JsonObject | undefined {
    const stored = this.storage.read(resourceOf(kind), key);
    return stored === undefined ? undefined : inVersion(kind, stored);
  }

  /** As {@link read}; throws 404. */
  need(kind: Kind, key: ObjectKey): JsonObject {
    const object = this.read(kind, key);
    if (object === undefined) throw notFound(kind, key.name);
    return object;
  }

  list(kind: Kind, namespace: string): JsonObject[] {
    return this.storage.list(resourceOf(kind), namespace).map(stored => inVersion(kind, stored));
  }

  create(kind: Kind, sent: JsonObject, options: WriteOptions): JsonObject {
    const object = decodeAs(kind, sent, options);
    const metadata = childOf(object, 'metadata');
    if (textAt(metadata, 'resourceVersion') !== undefined && options.dryRun !== true) {
      throw refusal(500, '', { message: 'resourceVersion should not be set on objects to be created' });
    }
    const prefix = textAt(metadata, 'generateName');
    if (textAt(metadata, 'name') === undefined && prefix !== undefined) metadata.name = generatedName(prefix);
    const next = asStored(kind, object);
    const stored = storedKind(this.kinds, kind);
    setDefaults(stored, next);
    this.#own(kind, { live: bare(stored, next), next }, options);
    return inVersion(kind, this.#insert(stored, next, options));
  }

  update(kind: Kind, sent: JsonObject, options: WriteOptions): JsonObject {
    const key = nameOf(sent);
    const stored = storedKind(this.kinds, kind);
    const live = this.need(stored, key);
    const decoded = decodeAs(kind, sent, options);
    if (kind.conditional && textAt(objectAt(decoded, 'metadata'), 'resourceVersion') === undefined) {
      const why = invalidValue('metadata.resourceVersion', 0, 'must be specified for an update');
      throw invalid({ ...kind, kind: kind.plural }, key.name, [why]);
    }
    const next = partOf(kind, { live, sent: asStored(kind, decoded) }, options);
    setDefaults(stored, next);
    checkPreconditions(kind, live, next);
    this.#own(kind, { live, next }, options);
    return inVersion(kind, this.#replace(stored, { live, next }, options));
  }

  /** Server-side apply; `config` names the object. */
  apply(kind: Kind, config: JsonObject, options: WriteOptions & { readonly key: ObjectKey }): Written {
    const { key } = options;
    const live = this.read(kind, key);
    const metadata = childOf(config, 'metadata');
    if (metadata.managedFields !== undefined) throw badRequest('metadata.managedFields must be nil');
    const writing = this.#writing(kind, options);
    const problems = typedProblems(config, writing.schema);
    if (problems.length > 0) throw untypable(kind, config, problems);
    if (live !== undefined) checkPreconditions(kind, live, config);
    const given = keyOf(config);
    for (const name of ['resourceVersion', 'uid', 'creationTimestamp', 'generation']) erase(metadata, name);
    metadata.name = key.name;
    if (key.namespace !== '') metadata.namespace = key.namespace;
    const force = options.force === true;
    const merged = applyConfig({ live: live ?? emptyOf(config), config, ...writing, force });
    if (merged === undefined && live !== undefined) return { object: live, created: false };
    const next = asStored(kind, converted(kind, merged ?? clone(config), given));
    const stored = storedKind(this.kinds, kind);
    setDefaults(stored, next);
    const before = this.read(stored, key);
    if (before === undefined) return { object: inVersion(kind, this.#insert(stored, next, options)), created: true };
    const states = { live: before, next: partOf(kind, { live: before, sent: next }, options) };
    return { object: inVersion(kind, this.#replace(stored, states, options)), created: false };
  }

  /** Deletes, or marks for deletion. Returns the last state. Throws 404, and 409 when a precondition does not hold. */
  remove(kind: Kind, key: ObjectKey, options: DeleteOptions): JsonObject {
    const stored = storedKind(this.kinds, kind);
    return inVersion(kind, this.#deletion.remove(stored, this.need(stored, key), options));
  }

  /** Records who owns what `next`, an object to be stored, changes; in the fields of the version that wrote it. */
  #own(kind: Kind, { live, next }: { live: JsonObject; next: JsonObject }, options: WriteOptions): void {
    const written = inVersion(kind, next);
    recordUpdate({ live: inVersion(kind, live), next: written, ...this.#writing(kind, options) });
    setOrErase(childOf(next, 'metadata'), 'managedFields', objectAt(written, 'metadata').managedFields);
  }

  #writing(kind: Kind, options: WriteOptions): Pick<Required<Update>, 'schema' | 'writer' | 'closed' | 'versions'> {
    const writer = {
      name: options.manager ?? 'unknown',
      apiVersion: apiVersionOf(kind),
      subresource: options.part ?? '',
    };
    return {
      schema: kind.schema ?? unknownKind,
      writer,
      closed: closedFields(kind, writer.subresource),
      versions: versionsOf(this.kinds, kind),
    };
  }

  #insert(kind: Kind, object: JsonObject, options: WriteOptions): JsonObject {
    const key = nameOf(object);
    needNamespace(this.storage, kind, key);
    const metadata = childOf(object, 'metadata');
    for (const name of ['deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink', 'generation'])
      erase(metadata, name);
    metadata.uid = randomUUID();
    metadata.creationTimestamp = timestamp();
    if (kind.generation) metadata.generation = 1;
    numberTemplate(kind, { next: object });
    if (kind.status || kind.schema !== undefined) {
      const status = initialStatus(kind);
      if (kind.status) erase(object, 'status');
      if (status !== undefined) object.status = status;
    }
    admit(kind, object);
    needServiceAccount(this.storage, kind, object);
    this.#check(kind, { next: object }, options);
    options.mayCreate?.();
    const namesake = this.storage.read(resourceOf(kind), key);
    if (namesake !== undefined) throw alreadyExists(kind, namesake);
    return options.dryRun === true ? object : this.storage.write(resourceOf(kind), object);
  }

  #replace(kind: Kind, states: { live: JsonObject; next: JsonObject }, options: WriteOptions): JsonObject {
    const { live, next } = states;
    const forbiddenChanges = metadataUpdateErrors(live, next);
    if (forbiddenChanges.length > 0) throw invalid(kind, nameOf(live).name, forbiddenChanges);
    const old = objectAt(live, 'metadata');
    const metadata = childOf(next, 'metadata');
    for (const name of [
      'uid',
      'creationTimestamp',
      'generation',
      'deletionTimestamp',
      'deletionGracePeriodSeconds',
      'resourceVersion',
    ]) {
      setOrErase(metadata, name, old[name]);
    }
    this.#check(kind, states, options);
    numberTemplate(kind, states);
    if (sameButTimes(live, next)) return live;
    if (
      kind.generation &&
      options.part !== 'status' &&
      typeof old.generation === 'number' &&
      !equal(generationContent(kind, live), generationContent(kind, next))
    ) {
      metadata.generation = old.generation + 1;
    }
    if (options.dryRun === true) return next;
    return this.#deletion.complete(kind, next, options) ?? this.storage.write(resourceOf(kind), next);
  }

  /** Validates the object before it is stored; normalizes quantities and allocates addresses. */
  #check(kind: Kind, states: { live?: JsonObject; next: JsonObject }, options: WriteOptions): void {
    const { live: before, next: object } = states;
    if (kind.schema !== undefined) canonicalQuantities(object, kind.schema);
    const { name } = nameOf(object);
    const errors = validate(kind, object);
    if (before !== undefined) errors.push(...validateUpdate(kind, before, object));
    if (errors.length === 0 && kind.group === '' && kind.kind === 'Service') {
      const services = this.storage.list('services');
      const allocation = { service: object, services, dryRun: options.dryRun === true };
      errors.push(...allocateAddresses(before === undefined ? allocation : { ...allocation, before }));
    }
    if (errors.length > 0) throw invalid(kind, name, errors);
    warningsAbout(kind, object, before).forEach(text => options.warn?.(text));
  }
}

/** The empty object into which a creating apply merges. */
function emptyOf(object: JsonObject): JsonObject {
  return { apiVersion: object.apiVersion ?? '', kind: object.kind ?? '', metadata: {} };
}

/**
 * The empty object a creation starts from. The parts that every object of a known kind has are there already, so that
 * they get no owner.
 */
function bare(kind: Kind, object: JsonObject): JsonObject {
  const type = emptyOf(object);
  if (kind.custom) return type;
  const template = { metadata: {}, spec: { containers: [] } };
  const jobTemplate = { metadata: {}, spec: { template } };
  const parts = { strategy: {}, updateStrategy: {}, scaleTargetRef: {}, resources: {}, containers: [] };
  return { ...type, spec: { template, jobTemplate, ...parts } };
}
