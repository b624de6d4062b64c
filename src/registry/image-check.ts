import { CutoverError, type Problem } from '../errors.js';
import { parseReference, type ImageReference } from '../inputs/parse/image-reference.js';
import type { ImageCheck } from '../inputs/parse/registry.js';
import type { Log, Position } from '../log.js';
import { imageFields } from '../manifests/overrides/image-fields.js';
import { describeImageField } from '../manifests/overrides/images.js';
import type { Resource } from '../manifests/resource.js';
import { sensitiveTexts } from '../manifests/sensitive-fields.js';
import type { ImageStatus } from './answer.js';
import { openHttp } from './http.js';
import { askRegistry } from './registry.js';

export interface ImageCheckRequest {
  readonly check: ImageCheck;
  readonly resources: readonly Resource[];
  /** Environment variables, with the proxy settings. */
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** An image, and the fields that refer to it. */
interface ReferencedImage {
  readonly image: string;
  /** Absent: the image is not a valid reference. */
  readonly reference?: ImageReference;
  readonly users: readonly { readonly what: string; readonly at: Position }[];
}

/** The images of all resources, without duplicates, and without those with pull policy `Never`. */
function referencedImages(resources: readonly Resource[]): readonly ReferencedImage[] {
  const usersByImage = new Map<string, { readonly what: string; readonly at: Position }[]>();
  for (const resource of resources) {
    const sensitive = sensitiveTexts(resource.object);
    for (const field of imageFields(resource.object)) {
      if (field.image === '' || field.pullPolicy === 'Never') continue;
      // It may hold a secret, which no registry may see.
      const image = sensitive.has(field.image) ? fromEnvironment : field.image;
      const user = { what: describeImageField(resource, field), at: resource.positionOf(field.path) };
      usersByImage.set(image, [...(usersByImage.get(image) ?? []), user]);
    }
  }
  return [...usersByImage].map(([image, users]) => {
    const reference = parseReference(image);
    return { image, users, ...(reference !== undefined && { reference }) };
  });
}

/**
 * Checks with the registries whether every image exists. Logs a warning for each registry that cannot tell.
 *
 * @throws CutoverError `image` with every image that does not exist; where the check demands certainty, also with every
 * image whose registry cannot tell.
 */
export async function checkImages({ check, resources, environment, signal, log }: ImageCheckRequest): Promise<void> {
  const groups = new Map<string, ReferencedImage[]>();
  for (const image of referencedImages(resources)) {
    const registry = image.reference?.registry ?? '';
    groups.set(registry, [...(groups.get(registry) ?? []), image]);
  }
  const http = openHttp(environment);
  const problems: Problem[] = [];
  let existing = 0;
  try {
    await Promise.all(
      [...groups].map(async ([registry, images]) => {
        const login = check.logins.find(({ server }) => server === registry);
        const references = images.flatMap(({ reference }) => reference ?? []);
        const statuses = await askRegistry(references, { ...http, signal, log, ...(login !== undefined && { login }) });
        if (signal.aborted) return;
        const checked = images.map((one, index) => ({ ...one, status: statuses[index] ?? unasked(one) }));
        const unknown = checked.filter(({ status }) => status.kind === 'unknown');
        existing += checked.filter(({ status }) => status.kind === 'exists').length;
        const rejected =
          check.demand === 'certain' ? checked : checked.filter(({ status }) => status.kind === 'missing');
        problems.push(...rejected.flatMap(one => problemsOf(one, registry)));
        if (check.demand === 'plausible' && unknown.length > 0) log.warning(unknownImagesWarning(registry, unknown));
      }),
    );
  } finally {
    http.close();
  }
  if (problems.length > 0) throw imageError(problems);
  if (existing > 0) log.info(`${existing} image${existing === 1 ? ' is' : 's are'} in the registry`);
}

/** Stands for an image that contains a value of the environment. */
const fromEnvironment = '***';

function unasked({ image }: ReferencedImage): ImageStatus {
  const isHidden = image === fromEnvironment;
  const reason = isHidden
    ? 'it contains a value of the environment, which no registry is told: use `variables`'
    : 'it is not a valid image reference';
  return { kind: 'unknown', reason };
}

interface CheckedImage extends ReferencedImage {
  readonly status: ImageStatus;
}

function problemsOf({ image, users, status }: CheckedImage, registry: string): readonly Problem[] {
  if (status.kind === 'exists') return [];
  const where = registry === '' ? '' : ` ${registry}:`;
  const state = status.kind === 'missing' ? 'does not exist' : 'may not exist: the registry cannot tell';
  return users.map(({ what, at }) => ({ message: `${what}: image ${image} ${state};${where} ${status.reason}`, at }));
}

function unknownImagesWarning(registry: string, unknown: readonly CheckedImage[]): string {
  const reasons = new Set(unknown.map(({ status }) => ('reason' in status ? status.reason : '')));
  const images = unknown.map(({ image }) => image).join(', ');
  const prefix = registry === '' ? '' : `${registry}: `;
  return `Cannot tell whether ${images} exist${unknown.length === 1 ? 's' : ''}; ${prefix}${[...reasons].join('; ')}`;
}

function imageError(problems: readonly Problem[]): CutoverError {
  const [first] = problems;
  const message =
    problems.length === 1 && first !== undefined
      ? first.message
      : `${problems.length} images do not exist or cannot be checked`;
  return new CutoverError(message, {
    code: 'image',
    problems,
    hint: 'Nothing was changed. Push the image, or correct its name or tag; `image-check: off` disables this check.',
  });
}
