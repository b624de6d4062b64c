import { textsAt } from '../kubernetes/fields.js';
import { isSecret } from '../kubernetes/kinds.js';
import type { KubeObject } from '../kubernetes/object.js';
import type { Log } from '../log.js';
import type { Resource } from './resource.js';
import { secretParts } from './secret-parts.js';

/** The values of all Secrets among the resources, encoded and decoded. */
export function secretValues(resources: readonly Resource[]): readonly string[] {
  return secretsAmong(resources).flatMap(secret => valuesOf(secret).flatMap(({ encoded, text }) => [encoded, text]));
}

/**
 * Masks the values of all Secrets among the resources, before anything about the resources is logged. Their parts, such as the
 * password in a JSON document, are only hidden in what this step prints and writes.
 */
export function maskSecrets(log: Log, resources: readonly Resource[]): void {
  for (const value of secretValues(resources)) log.mask(value);
  for (const secret of secretsAmong(resources)) hideSecret(log, secret);
}

/** Hides the values of a Secret, and their parts, in what this step prints and writes. */
export function hideSecret(log: Log, secret: KubeObject): void {
  for (const { encoded, text } of valuesOf(secret))
    for (const value of [encoded, text, ...secretParts(text)]) log.hide(value);
}

function secretsAmong(resources: readonly Resource[]): readonly KubeObject[] {
  return resources.map(({ object }) => object).filter(isSecret);
}

function valuesOf(secret: KubeObject): readonly { readonly encoded: string; readonly text: string }[] {
  return Object.values(textsAt(secret, ['data'])).map(encoded => ({
    encoded,
    text: Buffer.from(encoded, 'base64').toString('utf8'),
  }));
}
