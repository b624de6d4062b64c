import type { Roles } from '../../inputs/inputs.js';
import { where } from '../../log.js';
import { automaticRoles } from './automatic.js';
import { overrideReplicas } from '../overrides/replicas.js';
import type { Problem } from '../../errors.js';
import { describeRef, refOf } from '../../kubernetes/object.js';
import { manifestError, type ManifestWarning } from '../problems.js';
import { renderManifests, type RenderRequest } from '../render.js';
import type { RoleResources } from '../resource.js';
import { classifyRoles } from './template.js';
import { findPlaceholders } from '../placeholders/substitution.js';

export interface RoleRenderRequest extends RenderRequest {
  readonly roles: Roles;
  /** As in `ClassifyRolesRequest`. */
  readonly services?: readonly string[];
  readonly testService?: string;
}

export interface RenderedRoles {
  readonly resources: RoleResources;
  readonly warnings: readonly ManifestWarning[];
  /** As in `Rendered`, of both roles. */
  readonly notes: readonly string[];
}

const isTargetRole = ({ name }: { readonly name: string }): boolean => name === 'TARGET_ROLE';

/** Whether the manifests use TARGET_ROLE. Throws `manifest` where they use it but it would not be replaced. */
function usesTargetRole({ manifests, substitution, variables }: RoleRenderRequest): boolean {
  if (Object.hasOwn(variables, 'TARGET_ROLE')) {
    const message = 'The input `variables` sets TARGET_ROLE, but blue/green renders the manifests once for each role.';
    throw manifestError([{ message }], 'Remove TARGET_ROLE from `variables`; `roles` sets the names of the roles.');
  }
  if (findPlaceholders(manifests.documents, substitution).some(isTargetRole)) return true;
  // The file that uses it may be the one that cannot be parsed.
  if (manifests.problems.length > 0) throw manifestError(manifests.problems);
  const ignored = substitution === 'on' ? undefined : findPlaceholders(manifests.documents, 'on').find(isTargetRole);
  if (ignored === undefined) return false;
  const form = substitution === 'off' ? 'no placeholders' : 'only `$<NAME>`';
  const message = `TARGET_ROLE is not replaced here: \`substitution: ${substitution}\` replaces ${form}.`;
  throw manifestError([{ message, at: ignored.at }], 'Set `substitution: on`, or write `$<TARGET_ROLE>`.');
}

/** Manifests without TARGET_ROLE: rendered once; the objects of each role are derived. */
function renderPlain(request: RoleRenderRequest): RenderedRoles {
  const { roles, services, testService } = request;
  const { resources, warnings, notes } = renderManifests(request);
  const roleOptions = {
    roles,
    ...(services === undefined ? {} : { services }),
    ...(testService === undefined ? {} : { testService }),
  };
  const secret = request.registrySecret?.name;
  const found = automaticRoles({ ...roleOptions, resources, ...(secret !== undefined && { registrySecret: secret }) });
  const classified = classifyRoles({ ...roleOptions, services: found.services, rendered: found.rendered });
  return { resources: { ...classified, automatic: true }, warnings, notes: [...notes, ...found.notes] };
}

/** Manifests with TARGET_ROLE: rendered once for each role. */
function renderTemplates(request: RoleRenderRequest): RenderedRoles {
  const { roles, services, testService } = request;
  const warnings = new Map<string, ManifestWarning>();
  const notes = new Set<string>();
  const rendered = Object.fromEntries(
    roles.map(role => {
      const result = renderManifests({ ...request, builtIns: { ...request.builtIns, TARGET_ROLE: role } });
      // Both renderings produce the same warnings; each is reported once.
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
    ...(services === undefined ? {} : { services }),
    ...(testService === undefined ? {} : { testService }),
  });
  return { resources, warnings: [...warnings.values()], notes: [...notes] };
}

/** Public Services of other namespaces: one that is gone could not be created again from the record, which is of one namespace. */
function servicesElsewhere(
  { publicServices }: RoleResources,
  { roles, namespace }: RoleRenderRequest,
): readonly Problem[] {
  const services = publicServices[roles[0]] ?? [];
  return services
    .filter(({ object }) => object.metadata.namespace !== namespace)
    .map(service => ({
      message:
        `${describeRef(refOf(service.object))} leads users to pods of this release, and is not in its namespace ${namespace}: it could not be ` +
        'switched back from the record. Deploy it as a release of its own, with its namespace in the input `namespace`; or, if its pods may be ' +
        'updated in place while staging, annotate it cutover/shared: "true".',
      at: service.positionOf(['metadata', 'namespace']),
    }));
}

/**
 * The manifests for both roles. Where they use TARGET_ROLE, they are rendered once for each role and compared; otherwise
 * the objects of each role are derived. Throws `manifest` as `renderManifests`, `classifyRoles`, `automaticRoles` and
 * `overrideReplicas` do.
 */
export function renderRoles(request: RoleRenderRequest): RenderedRoles {
  const { replicas, ...overrides } = request.overrides ?? {};
  const render = usesTargetRole(request) ? renderTemplates : renderPlain;
  const { resources, warnings, notes } = render({ ...request, overrides });
  const elsewhere = servicesElsewhere(resources, request);
  if (elsewhere.length > 0) throw manifestError(elsewhere);
  // The input `replicas` does not apply to shared objects.
  const sized = Object.entries(resources.of).map(([role, own]) => [role, overrideReplicas(own, replicas)] as const);
  const [first] = sized;
  if (first !== undefined && first[1].problems.length > 0) throw manifestError(first[1].problems);
  const of = Object.fromEntries(sized.map(([role, result]) => [role, result.resources]));
  const sizes = sized.flatMap(([, result]) => result.notes);
  return { resources: { ...resources, of }, warnings, notes: [...notes, ...sizes] };
}
