import { imageFields } from '../../src/manifests/overrides/image-fields.js';
import { renderManifests, type Rendered, type RenderRequest } from '../../src/manifests/render.js';
import type { Resource } from '../../src/manifests/resource.js';
import { renderRoles, type RenderedRoles, type RoleRenderRequest } from '../../src/manifests/roles/render.js';
import { readDocuments } from '../../src/manifests/yaml/documents.js';
import { CutoverError } from '../../src/errors.js';
import { where } from '../../src/log.js';

export type Overrides = Partial<Omit<RoleRenderRequest, 'manifests'>>;

/** A render request with only the text set: one file `app.yml`, or several by name. */
export function request(text: string | Readonly<Record<string, string>>, overrides: Overrides = {}): RenderRequest {
  const files = typeof text === 'string' ? { 'app.yml': text } : text;
  return {
    manifests: readDocuments(Object.entries(files).map(([file, content]) => ({ file, text: content }))),
    builtIns: {},
    variables: {},
    environment: {},
    substitution: 'on',
    images: [],
    namespace: 'shop',
    release: 'web',
    ...overrides,
  };
}

/** All images of the resources, sorted, without duplicates. */
export function imagesOf(resources: readonly Resource[]): readonly string[] {
  const all = resources.flatMap(({ object }) => imageFields(object).map(({ image }) => image));
  return [...new Set(all)].filter(image => image !== '').sort();
}

export function render(text: string | Readonly<Record<string, string>>, overrides: Overrides = {}): Rendered {
  return renderManifests(request(text, overrides));
}

export function renderBoth(text: string | Readonly<Record<string, string>>, overrides: Overrides = {}): RenderedRoles {
  return renderRoles({ ...request(text, overrides), roles: ['blue', 'green'], ...overrides });
}

/** The error that a promise rejects with; fails the test when it resolves. */
export async function rejectionOf(work: Promise<unknown>): Promise<CutoverError> {
  const settled = await work.then(
    () => undefined,
    (thrown: unknown) => ({ thrown }),
  );
  return errorOf(() => {
    if (settled !== undefined) throw settled.thrown;
  });
}

/** The thrown problems as `file:line:column message` lines; fails the test when nothing is thrown. */
export function problemsOf(work: () => unknown): readonly string[] {
  const error = errorOf(work);
  return error.problems.map(({ message, at }) => (at === undefined ? message : `${where(at)} ${message}`));
}

export function errorOf(work: () => unknown): CutoverError {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof CutoverError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was thrown');
}
