import type { Roles } from '../inputs/inputs.js';
import { where } from '../log.js';
import { overrideReplicas } from './overrides.js';
import { manifestError, type ManifestWarning } from './problems.js';
import { renderManifests, type RenderRequest } from './render.js';
import type { RoleResources } from './resource.js';
import { classifyRoles } from './roles.js';
import { mentionsIn } from './substitution.js';

export interface RoleRenderRequest extends RenderRequest {
  readonly roles: Roles;
  /** As in `RoleQuestion`. */
  readonly service?: string;
  readonly testService?: string;
}

export interface RenderedRoles {
  readonly resources: RoleResources;
  readonly warnings: readonly ManifestWarning[];
  /** As in `Rendered`, of both roles. */
  readonly notes: readonly string[];
}

const isTargetRole = ({ name }: { readonly name: string }): boolean => name === 'TARGET_ROLE';

/** Blue/green needs to know what is a role's own, and that is what TARGET_ROLE says. */
function requireTargetRole({ manifests, substitution, variables }: RoleRenderRequest): void {
  if (Object.hasOwn(variables, 'TARGET_ROLE')) {
    const message = 'The input `variables` sets TARGET_ROLE, but blue/green renders the manifests once for each role.';
    throw manifestError([{ message }], 'Take TARGET_ROLE out of `variables`; `roles` sets the names of the roles.');
  }
  if (mentionsIn(manifests.documents, substitution).some(isTargetRole)) return;
  // The file that mentions it may be the one that cannot be read.
  if (manifests.problems.length > 0) throw manifestError(manifests.problems);
  const written = substitution === 'on' ? undefined : mentionsIn(manifests.documents, 'on').find(isTargetRole);
  if (written !== undefined) {
    const form = substitution === 'off' ? 'no placeholder' : 'only `$<NAME>`';
    const message = `TARGET_ROLE is not replaced here: with \`substitution: ${substitution}\` ${form} is.`;
    throw manifestError([{ message, at: written.at }], 'Set `substitution: on`, or write `$<TARGET_ROLE>`.');
  }
  throw manifestError(
    [{ message: 'The manifests never mention TARGET_ROLE, and blue/green for such manifests is not available yet.' }],
    'Write `$<TARGET_ROLE>` into the name, the selector and the pod labels of the Deployment (`name: web-$<TARGET_ROLE>`, ' +
      '`role: $<TARGET_ROLE>`) and into the selector of the public Service.',
  );
}

/**
 * The manifests rendered once for each role, with `TARGET_ROLE` added to the built-ins, and sorted out by what depends
 * on it. Throws `manifest` as `renderManifests` and `classifyRoles` do, and where TARGET_ROLE is never mentioned.
 */
export function renderRoles(request: RoleRenderRequest): RenderedRoles {
  requireTargetRole(request);
  const { roles, service, testService } = request;
  const { replicas, ...overrides } = request.overrides ?? {};
  const warnings = new Map<string, ManifestWarning>();
  const notes = new Set<string>();
  const rendered = Object.fromEntries(
    roles.map(role => {
      const result = renderManifests({ ...request, overrides, builtIns: { ...request.builtIns, TARGET_ROLE: role } });
      // Both renderings warn of the same line; once is enough.
      for (const warning of result.warnings) {
        if (!warnings.has(where(warning.at))) warnings.set(where(warning.at), warning);
      }
      result.notes.forEach(note => notes.add(note));
      return [role, result.resources];
    }),
  );
  const resources = classifyRoles({
    roles,
    rendered,
    ...(service === undefined ? {} : { service }),
    ...(testService === undefined ? {} : { testService }),
  });
  // What both roles share runs once, whatever their size.
  const sized = Object.entries(resources.of).map(([role, own]) => [role, overrideReplicas(own, replicas)] as const);
  const [first] = sized;
  if (first !== undefined && first[1].problems.length > 0) throw manifestError(first[1].problems);
  for (const [, result] of sized) result.notes.forEach(note => notes.add(note));
  const of = Object.fromEntries(sized.map(([role, result]) => [role, result.resources]));
  return { resources: { ...resources, of }, warnings: [...warnings.values()], notes: [...notes] };
}
