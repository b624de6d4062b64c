/** What a step can be: the two kinds of deploy, done or foretold by `plan`, and the other actions. */
export type Step = 'rolling' | 'blue-green' | 'promote' | 'reject' | 'rollback' | 'status';

/** What is known of an input before its value is read. */
export interface Declaration {
  /** Steps for which the input means something; given to any other step it is refused. */
  readonly steps: readonly Step[];
  /** What absence means, in the very words a user would write. Absent: see the input's description in action.yml. */
  readonly default?: string;
  /** The work behind it is not available yet. `only`: the one value that asks for nothing and is accepted. */
  readonly pending?: { readonly only?: string };
  /** Its value is never shown in a message. */
  readonly secret?: true;
}

const deploy: readonly Step[] = ['rolling', 'blue-green'];
const traffic: readonly Step[] = ['promote', 'rollback'];
const changing: readonly Step[] = [...deploy, ...traffic];
const every: readonly Step[] = [...changing, 'reject', 'status'];
const staging: readonly Step[] = ['blue-green'];

/** Every input, in the order of action.yml. */
export const declarations = {
  action: { steps: every, default: 'deploy' },
  strategy: { steps: [...deploy, 'promote', 'reject'], default: 'rolling' },
  manifests: { steps: deploy },
  variables: { steps: changing, secret: true },
  substitution: { steps: deploy, default: 'on' },
  images: { steps: deploy },
  'image-check': { steps: deploy, default: 'auto' },
  namespace: { steps: every },
  'create-namespace': { steps: deploy, default: 'false' },
  kubeconfig: { steps: every, secret: true },
  context: { steps: every },
  release: { steps: every },
  service: { steps: deploy },
  'test-service': { steps: staging },
  roles: { steps: staging, default: 'blue,green' },
  switch: { steps: staging, default: 'manual' },
  verify: { steps: changing },
  probe: { steps: changing, pending: { only: 'off' } },
  'probe-url': { steps: changing, pending: {} },
  idle: { steps: [...staging, ...traffic], default: 'keep' },
  drain: { steps: [...staging, ...traffic], default: '30s' },
  'pre-stop': { steps: deploy, default: 'auto' },
  shed: { steps: [...staging, ...traffic], pending: { only: 'off' } },
  replicas: { steps: deploy },
  'max-surge': { steps: deploy },
  'max-unavailable': { steps: deploy },
  approval: { steps: traffic },
  timeout: { steps: every, default: '10m' },
  steady: { steps: [...deploy, 'rollback'], default: '5s' },
  'rollback-on-failure': { steps: changing, default: 'true' },
  lint: { steps: deploy, default: 'warn' },
  recreate: { steps: deploy, default: 'jobs' },
  imagepullsecrets: { steps: deploy },
  'registry-secret': { steps: deploy },
  'registry-credentials': { steps: deploy, secret: true },
  to: { steps: ['rollback'] },
  revision: { steps: ['promote'] },
  history: { steps: [...changing, 'reject'], default: '10' },
  'force-conflicts': { steps: deploy, default: 'false' },
  comment: { steps: deploy, pending: { only: 'off' } },
  token: { steps: every, secret: true },
} as const satisfies Record<string, Declaration>;

export type InputName = keyof typeof declarations;

/** The inputs whose absence stands for a value. */
export type DefaultedName = {
  [Name in InputName]: (typeof declarations)[Name] extends { readonly default: string } ? Name : never;
}[InputName];

export const inputNames = Object.keys(declarations) as readonly InputName[];

export function isInputName(name: string): name is InputName {
  return Object.hasOwn(declarations, name);
}

export function declarationOf(name: InputName): Declaration {
  return declarations[name];
}

/** How messages name a step: `action: deploy with strategy: rolling`. `plan` takes the inputs of the deploy that it foretells. */
export function describeStep(step: Step, action: 'deploy' | 'plan' = 'deploy'): string {
  switch (step) {
    case 'rolling':
    case 'blue-green':
      return `action: ${action} with strategy: ${step}`;
    default:
      return `action: ${step}`;
  }
}

/** The steps as a phrase, shortened where both kinds of deploy are meant. */
export function describeSteps(steps: readonly Step[]): string {
  const both = deploy.every(step => steps.includes(step));
  const named = steps.filter(step => !both || !deploy.includes(step)).map(step => describeStep(step));
  const all = both ? ['action: deploy', ...named] : named;
  return all.length < 2 ? all.join('') : `${all.slice(0, -1).join(', ')} or ${all.at(-1) ?? ''}`;
}
