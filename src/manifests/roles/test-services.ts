import type { Problem } from '../../errors.js';
import type { Roles } from '../../inputs/inputs.js';
import { describeRef, refOf } from '../../kubernetes/object.js';
import { routesTo } from '../../kubernetes/selectors.js';
import { isDeployment } from './rules.js';
import type { Resource } from '../resource.js';

export interface TestServiceQuestion {
  readonly roles: Roles;
  readonly of: Readonly<Record<string, readonly Resource[]>>;
  /** Name of the test Services, `*` standing for the role. Absent: the role's only Service for its pods. */
  readonly pattern?: string;
}

export interface TestServices {
  /** By role; roles without one are missing. */
  readonly names: Readonly<Record<string, string>>;
  readonly problems: readonly Problem[];
}

/** Whether a Service reaches pods of any Deployment of these. */
function reaches(service: Resource, resources: readonly Resource[]): boolean {
  return resources.some(resource => isDeployment(resource) && routesTo(service.object, resource.object));
}

function choose({ of, roles, pattern }: TestServiceQuestion, role: string): Resource | Problem | undefined {
  const own = of[role] ?? [];
  const candidates = own.filter(resource => reaches(resource, own));
  const list = candidates.map(({ object }) => object.metadata.name).join(', ');
  const wanted = pattern?.split('*').join(role);
  const named = wanted === undefined ? candidates : candidates.filter(({ object }) => object.metadata.name === wanted);
  const [service, ...others] = named;
  if (service === undefined) {
    if (wanted === undefined) return undefined;
    const there = list === '' ? 'no Service of the role does' : `${list} would`;
    return { message: `The input \`test-service\` means ${wanted}, which does not select pods of ${role}; ${there}.` };
  }
  if (others.length > 0) {
    const message = `Several Services could test ${role}: ${list}. Name one in the input \`test-service\`, with * for the role.`;
    return { message, at: service.at };
  }
  const elsewhere = roles.filter(other => other !== role).find(other => reaches(service, of[other] ?? []));
  if (elsewhere === undefined) return service;
  const name = describeRef(refOf(service.object));
  const message = `${name} tests ${role}, but also selects pods of ${elsewhere}: its answers would prove nothing.`;
  return { message, at: service.place(['spec', 'selector']) };
}

/** The Service of each role that selects its pods and no others. None at all is fine. */
export function findTestServices(question: TestServiceQuestion): TestServices {
  const names: Record<string, string> = {};
  const problems: Problem[] = [];
  for (const role of question.roles) {
    const choice = choose(question, role);
    if (choice === undefined) continue;
    if ('message' in choice) problems.push(choice);
    else names[role] = choice.object.metadata.name;
  }
  return { names, problems };
}
