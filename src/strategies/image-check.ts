import type { ImageCheck } from '../inputs/registry.js';
import type { Resource } from '../manifests/resource.js';
import { checkImages } from '../registry/image-check.js';
import type { Step } from './step.js';

/**
 * Plans while the registries are asked for the images, so that asking costs no time. What the API server refuses goes before
 * what a registry does not have. `check` absent: nobody is asked.
 */
export async function besideImageCheck<T>(
  step: Pick<Step, 'environment' | 'signal' | 'log'>,
  { check, resources }: { readonly check: ImageCheck | undefined; readonly resources: readonly Resource[] },
  plan: () => Promise<T>,
): Promise<T> {
  if (check === undefined) return plan();
  const refused = new AbortController();
  const signal = AbortSignal.any([step.signal, refused.signal]);
  const { environment, log } = step;
  const checked = checkImages({ check, resources, environment, signal, log }).then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  try {
    const planned = await plan();
    const failed = await checked;
    if (failed !== undefined) throw failed.error;
    return planned;
  } finally {
    refused.abort();
  }
}
