import { autoscalerToV1, autoscalerToV2 } from './autoscaler-v1.js';
import { textAt, type JsonObject } from './json.js';
import { apiVersionOf, type Kind, type Kinds } from './kinds.js';
import type { Schema } from './schema.js';
import { unknownKind } from './schemas.js';

/** A version whose fields differ from those of the version in which the objects of its kind are stored. */
interface Conversion {
  /** `autoscaling/v2` */
  readonly stored: string;
  readonly fromStored: (object: JsonObject) => JsonObject;
  readonly toStored: (object: JsonObject) => JsonObject;
}

const conversions: ReadonlyMap<string, Conversion> = new Map([
  [
    'autoscaling/v1/HorizontalPodAutoscaler',
    { stored: 'autoscaling/v2', fromStored: autoscalerToV1, toStored: autoscalerToV2 },
  ],
]);

const conversionOf = (kind: Kind): Conversion | undefined => conversions.get(`${apiVersionOf(kind)}/${kind.kind}`);

/** The kind in the version in which its objects are stored. */
export function storedKind(kinds: Kinds, kind: Kind): Kind {
  const conversion = conversionOf(kind);
  return (conversion && kinds.byKind(conversion.stored, kind.kind)) ?? kind;
}

/** A stored object in the version of `kind`. */
export function inVersion(kind: Kind, stored: JsonObject): JsonObject {
  const apiVersion = apiVersionOf(kind);
  if (stored.apiVersion === apiVersion) return stored;
  return conversionOf(kind)?.fromStored(stored) ?? { ...stored, apiVersion };
}

/** An object of `kind` as it is stored. */
export function asStored(kind: Kind, object: JsonObject): JsonObject {
  return conversionOf(kind)?.toStored(object) ?? object;
}

/** An object as a version of its kind shows it. */
export interface View {
  readonly object: JsonObject;
  readonly schema: Schema;
}

/** An object in another version of its kind. `undefined`: all versions of the kind have the same fields, or it is not served. */
export type Versions = (object: JsonObject, apiVersion: string) => View | undefined;

export function versionsOf(kinds: Kinds, kind: Kind): Versions {
  return (object, apiVersion) => {
    const from = kinds.byKind(textAt(object, 'apiVersion') ?? '', kind.kind);
    const to = kinds.byKind(apiVersion, kind.kind);
    if (from === undefined || to === undefined || !(conversionOf(from) ?? conversionOf(to))) return undefined;
    return { object: inVersion(to, asStored(from, object)), schema: to.schema ?? unknownKind };
  };
}
