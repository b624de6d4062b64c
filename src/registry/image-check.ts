import { CutoverError, type Problem } from '../errors.js';
import { parseReference, type ImageReference } from '../inputs/parse/image-reference.js';
import type { ImageCheck } from '../inputs/parse/registry.js';
import type { Log, Position } from '../log.js';
import { imageFields } from '../manifests/overrides/image-fields.js';
import { describeImageField } from '../manifests/overrides/images.js';
import type { Resource } from '../manifests/resource.js';
import type { Verdict } from './answer.js';
import { openHttp } from './http.js';
import { askRegistry } from './registry.js';

export interface ImageQuestion {
  readonly check: ImageCheck;
  readonly resources: readonly Resource[];
  /** Names the proxy. */
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** An image, and everything that uses it. */
interface Wanted {
  readonly image: string;
  /** Absent: no registry could be asked for it. */
  readonly reference?: ImageReference;
  readonly users: readonly { readonly what: string; readonly at: Position }[];
}

/** The images of all resources, each once. Those that nodes are never to pull are not among them. */
export function wantedImages(resources: readonly Resource[]): readonly Wanted[] {
  const found = new Map<string, { readonly what: string; readonly at: Position }[]>();
  for (const resource of resources) {
    for (const place of imageFields(resource.object)) {
      if (place.image === '' || place.pullPolicy === 'Never') continue;
      const user = { what: describeImageField(resource, place), at: resource.positionOf(place.path) };
      found.set(place.image, [...(found.get(place.image) ?? []), user]);
    }
  }
  return [...found].map(([image, users]) => {
    const reference = parseReference(image);
    return { image, users, ...(reference !== undefined && { reference }) };
  });
}

/**
 * Asks the registries for every image, each once. Warns, once for each registry, where one cannot tell.
 *
 * @throws CutoverError `image` with every image that does not exist, and with those of which nobody can tell where the
 * check demands to be certain.
 */
export async function checkImages({ check, resources, environment, signal, log }: ImageQuestion): Promise<void> {
  const groups = Map.groupBy(wantedImages(resources), ({ reference }) => reference?.registry ?? '');
  const http = openHttp(environment);
  const problems: Problem[] = [];
  let exist = 0;
  try {
    await Promise.all(
      [...groups].map(async ([registry, wanted]) => {
        const login = check.logins.find(({ server }) => server === registry);
        const references = wanted.flatMap(({ reference }) => reference ?? []);
        const verdicts = await askRegistry(references, { ...http, signal, ...(login !== undefined && { login }) });
        if (signal.aborted) return;
        const told = wanted.map((one, index) => ({ ...one, verdict: verdicts[index] ?? illegible }));
        const unknown = told.filter(({ verdict }) => verdict.kind === 'unknown');
        exist += told.filter(({ verdict }) => verdict.kind === 'exists').length;
        const wrong = check.demand === 'certain' ? told : told.filter(({ verdict }) => verdict.kind === 'missing');
        problems.push(...wrong.flatMap(one => problemsOf(one, registry)));
        if (check.demand === 'plausible' && unknown.length > 0) log.warning(doubt(registry, unknown));
      }),
    );
  } finally {
    http.close();
  }
  if (problems.length > 0) throw refusal(problems);
  if (exist > 0) log.info(`${exist} image${exist === 1 ? ' is' : 's are'} in the registry`);
}

const illegible: Verdict = { kind: 'unknown', said: 'it is no image reference' };

interface Judged extends Wanted {
  readonly verdict: Verdict;
}

function problemsOf({ image, users, verdict }: Judged, registry: string): readonly Problem[] {
  if (verdict.kind === 'exists') return [];
  const where = registry === '' ? '' : ` ${registry}:`;
  const state = verdict.kind === 'missing' ? 'does not exist' : 'may not exist, nobody can tell';
  return users.map(({ what, at }) => ({ message: `${what}: image ${image} ${state};${where} ${verdict.said}`, at }));
}

function doubt(registry: string, unknown: readonly Judged[]): string {
  const said = new Set(unknown.map(({ verdict }) => ('said' in verdict ? verdict.said : '')));
  const images = unknown.map(({ image }) => image).join(', ');
  const whose = registry === '' ? '' : `${registry}: `;
  return `Nobody can tell whether ${images} exist${unknown.length === 1 ? 's' : ''}; ${whose}${[...said].join('; ')}`;
}

function refusal(problems: readonly Problem[]): CutoverError {
  const [first] = problems;
  const message =
    problems.length === 1 && first !== undefined ? first.message : `${problems.length} images cannot be relied on`;
  return new CutoverError(message, {
    code: 'image',
    problems,
    hint: 'Nothing was changed. Push the image, or correct its name or tag; `image-check: off` asks no registry.',
  });
}
