import { CutoverError } from '../errors.js';
import type { Roles } from '../inputs/inputs.js';
import { isDeployment } from '../kubernetes/deployment.js';
import { describeRef, refOf, type KubeObject } from '../kubernetes/object.js';
import { templateLabels } from '../kubernetes/pods/pod-spec.js';
import { routesTo, selectorOf, selects, type Labels } from '../kubernetes/selectors.js';
import type { RoleResources } from '../manifests/resource.js';
import type { RoleRecord } from '../release/state.js';
import { own } from '../own.js';

/** Which role a public Service leads to, or all of them, as read from what is live each time; never cached. */
export type Active =
  /** It does not exist yet. */
  { readonly kind: 'none' } | { readonly kind: 'role'; readonly role: string; readonly idle: string };

/** Labels of the pods of each role, once for each Deployment. */
export type PodLabels = Readonly<Record<string, readonly Labels[]>>;

/** Whether a Service's selector selects any of the pods of a role. */
export function selectsAny(selector: Labels, podLabels: readonly Labels[] | undefined): boolean {
  return podLabels?.some(labels => selects(selector, labels)) ?? false;
}

/**
 * Decides the active role of one public Service. Throws `roles` when the selector is missing, matches no role or matches both: a guess would
 * deploy to the role that users are on.
 */
export function decideActive(options: {
  /** `undefined`: the public Service does not exist. */
  readonly service: KubeObject | undefined;
  readonly roles: Roles;
  readonly podLabels: PodLabels;
}): Active {
  const { service, roles, podLabels } = options;
  if (service === undefined) return { kind: 'none' };
  const selector = selectorOf(service);
  if (Object.keys(selector).length === 0) throw noSelector(service);
  const matching = roles.filter(role => selectsAny(selector, own(podLabels, role)));
  const [active] = matching;
  if (active === undefined) throw selectsNoRole(service, { roles, podLabels });
  if (matching.length > 1) throw selectsBothRoles(service, { roles, podLabels });
  return { kind: 'role', role: active, idle: otherRole(roles, active) };
}

export function otherRole(roles: Roles, role: string): string {
  return roles[0] === role ? roles[1] : roles[0];
}

/** What is recorded of each role, from the rendered objects. */
export function roleRecords(resources: RoleResources): Readonly<Record<string, RoleRecord>> {
  return Object.fromEntries(
    Object.entries(resources.of).map(([role, resourcesOfRole]) => {
      const deployments = resourcesOfRole.map(({ object }) => object).filter(isDeployment);
      const services = own(resources.publicServices, role) ?? [];
      const served = deployments.filter(deployment => services.some(({ object }) => routesTo(object, deployment)));
      const testService = own(resources.testService, role);
      const record: RoleRecord = {
        podLabels: (served.length > 0 ? served : deployments.slice(0, 1)).map(templateLabels),
        deployments: deployments.map(refOf),
        ...(testService !== undefined && { testService }),
      };
      return [role, record];
    }),
  );
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const entries = Object.entries(labels);
  return entries.length === 0 ? 'no labels' : entries.map(([key, value]) => `${key}=${value}`).join(',');
}

function labelsText(labels: readonly Labels[] = []): string {
  return labels.length === 0 ? 'no labels' : labels.map(labelText).join(' or ');
}

function noSelector(service: KubeObject): CutoverError {
  return undecided(service, {
    reason: 'has no selector, so Cutover cannot tell which role is active',
    hint: 'Give it the selector of the role that serves users now, or delete it if nobody uses it, and run this step again.',
  });
}

function selectsNoRole(
  service: KubeObject,
  { roles, podLabels }: { readonly roles: Roles; readonly podLabels: PodLabels },
): CutoverError {
  const found = roles.map(role => `${labelsText(own(podLabels, role))} (${role})`).join(' and ');
  return undecided(service, {
    reason: `selects neither ${roles[0]} nor ${roles[1]}: its selector is ${labelText(selectorOf(service))}, the pods have ${found}`,
    hint: 'Set its selector to the labels of the role that serves users now; nothing was changed.',
  });
}

function selectsBothRoles(
  service: KubeObject,
  { roles, podLabels }: { readonly roles: Roles; readonly podLabels: PodLabels },
): CutoverError {
  const selector = selectorOf(service);
  const [one = {}, other = {}] = roles.map(role => own(podLabels, role)?.find(labels => selects(selector, labels)));
  const keys = Object.keys(one).filter(key => Object.hasOwn(other, key) && own(one, key) !== other[key]);
  const choices = keys
    .map(key => `${key}=${own(one, key)} (${roles[0]}) or ${key}=${other[key]} (${roles[1]})`)
    .join(', ');
  const missing = choices === '' ? 'a label in which the roles differ' : choices;
  return undecided(service, {
    reason: `selects both ${roles[0]} and ${roles[1]}: its selector ${labelText(selector)} matches the pods of both roles`,
    hint: `Add to its selector the label of the role that serves users now: ${missing}; nothing was changed.`,
  });
}

function undecided(
  service: KubeObject,
  { reason, hint }: { readonly reason: string; readonly hint: string },
): CutoverError {
  const name = describeRef(refOf(service));
  return new CutoverError(`${name} ${reason}`, { code: 'roles', object: name, hint });
}
