import type { DryRunResult } from '../../cluster/apply/dry-run-all.js';
import { asCutoverError, type CutoverError } from '../../errors.js';
import type { ImageCheck } from '../../inputs/parse/registry.js';
import type { Resource } from '../../manifests/resource.js';
import { checkImages } from '../../registry/image-check.js';
import type { RunContext } from '../../run/context.js';

/** What the API server and the registries answered. */
interface Answers {
  readonly dryRun: DryRunResult;
  /** Images that the registries do not have. Absent: they have all of them, or were not asked. */
  readonly missing?: CutoverError;
}

/** Does the dry run while the registries are asked for the images, so that asking takes no extra time. `check` absent: they are not asked. */
export async function besideImageCheck(
  ctx: Pick<RunContext, 'environment' | 'signal' | 'log'>,
  { check, resources }: { readonly check: ImageCheck | undefined; readonly resources: readonly Resource[] },
  dryRun: () => Promise<DryRunResult>,
): Promise<Answers> {
  if (check === undefined) return { dryRun: await dryRun() };
  const refused = new AbortController();
  const signal = AbortSignal.any([ctx.signal, refused.signal]);
  const { environment, log } = ctx;
  const checked = checkImages({ check, resources, environment, signal, log }).then(() => undefined, asCutoverError);
  try {
    const result = await dryRun();
    const missing = await checked;
    return { dryRun: result, ...(missing !== undefined && { missing }) };
  } finally {
    refused.abort();
  }
}
