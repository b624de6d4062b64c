import type { DryRunResult } from '../../cluster/apply/dry-run-all.js';
import { asCutoverError, type CutoverError } from '../../errors.js';
import type { ImageCheck } from '../../inputs/parse/registry.js';
import type { Resource } from '../../manifests/resource.js';
import { checkImages } from '../../registry/image-check.js';
import type { RunContext } from '../../run/context.js';

/** What the API server and the registries say of a deploy. */
interface Answers {
  readonly survey: DryRunResult;
  /** Images that the registries do not have. Absent: they have all of them, or nobody asked. */
  readonly missing?: CutoverError;
}

/** Surveys while the registries are asked for the images, so that asking costs no time. `check` absent: nobody is asked. */
export async function besideImageCheck(
  ctx: Pick<RunContext, 'environment' | 'signal' | 'log'>,
  { check, resources }: { readonly check: ImageCheck | undefined; readonly resources: readonly Resource[] },
  survey: () => Promise<DryRunResult>,
): Promise<Answers> {
  if (check === undefined) return { survey: await survey() };
  const refused = new AbortController();
  const signal = AbortSignal.any([ctx.signal, refused.signal]);
  const { environment, log } = ctx;
  const checked = checkImages({ check, resources, environment, signal, log }).then(() => undefined, asCutoverError);
  try {
    const surveyed = await survey();
    const missing = await checked;
    return { survey: surveyed, ...(missing !== undefined && { missing }) };
  } finally {
    refused.abort();
  }
}
