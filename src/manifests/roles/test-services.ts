import type { Problem } from '../../errors.js';
import type { Roles } from '../../inputs/inputs.js';
import { isDeployment } from '../../kubernetes/deployment.js';
import { describeRef, refOf } from '../../kubernetes/object.js';
import { routesTo } from '../../kubernetes/selectors.js';
import { own } from '../../own.js';
import type { Resource } from '../resource.js';

export interface TestServiceRequest {
  readonly roles: Roles;
  readonly of: Readonly<Record<string, readonly Resource[]>>;
  /** The public Services, the main one first. */
  readonly publicServices: Readonly<Record<string, readonly Resource[]>>;
  /** Name pattern of the test Services; `*` stands for the role. Absent: the role's only Service for its pods, or for those behind the main Service. */
  readonly pattern?: string;
}

export interface TestServices {
  /** By role, without a key for a role that has none. */
  readonly names: Readonly<Record<string, string>>;
  readonly problems: readonly Problem[];
}

/** Whether a Service selects pods of any of these Deployments. */
function reaches(service: Resource, resources: readonly Resource[]): boolean {
  return resources.some(resource => isDeployment(resource.object) && routesTo(service.object, resource.object));
}

/** The Services of a role for its pods; those for the pods behind the main Service, where there are any. */
function candidatesOf({ of, publicServices }: TestServiceRequest, role: string): readonly Resource[] {
  const ofRole = of[role] ?? [];
  const [main] = own(publicServices, role) ?? [];
  const all = ofRole.filter(resource => reaches(resource, ofRole));
  const behindMain = ofRole.filter(({ object }) => main !== undefined && routesTo(main.object, object));
  const forMain = all.filter(resource => reaches(resource, behindMain));
  return forMain.length > 0 ? forMain : all;
}

function chooseTestService(request: TestServiceRequest, role: string): Resource | Problem | undefined {
  const { of, roles, pattern } = request;
  const ofRole = of[role] ?? [];
  const candidates = pattern === undefined ? candidatesOf(request, role) : ofRole.filter(one => reaches(one, ofRole));
  const list = candidates.map(({ object }) => object.metadata.name).join(', ');
  const expectedName = pattern?.split('*').join(role);
  const named =
    expectedName === undefined ? candidates : candidates.filter(({ object }) => object.metadata.name === expectedName);
  const [service, ...others] = named;
  if (service === undefined) {
    if (expectedName === undefined) return undefined;
    const alternatives = list === '' ? 'no Service of the role does' : `${list} would`;
    return {
      message: `The input \`test-service\` resolves to ${expectedName}, which does not select pods of ${role}; ${alternatives}.`,
    };
  }
  if (others.length > 0) {
    const message = `Several Services could be the test Service of ${role}: ${list}. Set the input \`test-service\` to one of them, with * for the role.`;
    return { message, at: service.at };
  }
  const otherRole = roles.filter(other => other !== role).find(other => reaches(service, of[other] ?? []));
  if (otherRole === undefined) return service;
  const name = describeRef(refOf(service.object));
  const message = `${name} is the test Service of ${role}, but also selects pods of ${otherRole}: checks could reach either role.`;
  return { message, at: service.positionOf(['spec', 'selector']) };
}

/** The Service of each role that selects its pods and no others. A role may have none. */
export function findTestServices(request: TestServiceRequest): TestServices {
  const names: Record<string, string> = {};
  const problems: Problem[] = [];
  for (const role of request.roles) {
    const choice = chooseTestService(request, role);
    if (choice === undefined) continue;
    if ('message' in choice) problems.push(choice);
    else names[role] = choice.object.metadata.name;
  }
  return { names, problems };
}
