import { actionName, strategyName, strategyNames, type Action } from './actions.js';
import { checks } from './checks/checks.js';
import { duration } from './parse/durations.js';
import { images } from './parse/images.js';
import { entries, roles, secretNames, serviceNames } from './parse/lists.js';
import { podPart, podShare, replicas } from './parse/overrides.js';
import { idlePolicy, idleReplicas, preStop } from './parse/policies.js';
import { recreate } from './parse/recreate.js';
import { imageCheck, registryCredentials } from './parse/registry.js';
import { anything, dnsLabel, dnsSubdomain, flag, integer, line, oneOf } from './parse/scalars.js';
import { revisionNumber, rolePattern, unless } from './parse/scalars.js';
import { syntheticTraffic } from './parse/synthetic-traffic.js';
import { variables } from './parse/variables.js';

/** What a parser may need beside the text. */
export interface ParseContext {
  /** Values of `$<NAME>` in `verify` and `synthetic-traffic`. Not from the environment: checks are recorded, and the environment may hold secrets. */
  readonly checkVariables: Readonly<Record<string, string>>;
}

/** One input of action.yml. */
export interface InputDefinition {
  /** Actions that take the input; every other action refuses it. */
  readonly actions: readonly Action[];
  /** Throws a `Refusal` for a value that is not accepted. */
  readonly parse: (text: string, context: ParseContext) => unknown;
  /** The value of an omitted input, as a user would write it. Absent: see `absent`. */
  readonly default?: string;
  /** The parsed value of an omitted input without a default. Absent: `undefined`. */
  readonly absent?: unknown;
  /** Field of `Inputs` that holds the parsed value unchanged. Absent: `assemble.ts` combines it with others. */
  readonly field?: string;
  /** The value is never shown in a message. */
  readonly secret?: true;
  /** An empty value is an error. action.yml must have the default too, since the runner passes omitted inputs as ''. */
  readonly refuseEmpty?: true;
}

const deploy = strategyNames;
const switching = ['promote', 'rollback'] as const;
const changing = [...deploy, ...switching] as const;
const every = [...changing, 'reject', 'status'] as const;

/** Every input, in the order of action.yml. Types follow from it, see `values.ts`; docs/inputs.md explains each input. */
export const inputTable = {
  action: { actions: every, default: 'deploy', parse: actionName },
  strategy: { actions: [...deploy, 'promote', 'reject'], default: 'rolling', parse: strategyName },
  /** Patterns in the order written. */
  manifests: { actions: deploy, absent: [], field: 'manifests', parse: entries },
  variables: { actions: changing, absent: {}, parse: variables, secret: true },
  substitution: {
    actions: deploy,
    default: 'on',
    field: 'substitution',
    parse: oneOf('on', 'strict-only', 'off'),
  },
  images: { actions: deploy, absent: [], field: 'images', parse: images },
  'image-check': { actions: deploy, default: 'auto', parse: imageCheck },
  /** Absent: the namespace of the kubeconfig's context, else `default`. */
  namespace: { actions: every, field: 'namespace', parse: dnsLabel() },
  'create-namespace': { actions: deploy, default: 'false', field: 'createNamespace', parse: flag },
  /** Content, base64 of it, or a path. Absent: `KUBECONFIG`, `~/.kube/config`, in-cluster. */
  kubeconfig: {
    actions: every,
    default: 'auto',
    refuseEmpty: true,
    field: 'kubeconfig',
    parse: unless('auto', anything),
    secret: true,
  },
  context: { actions: every, field: 'context', parse: line },
  /** Absent: derived from the manifests, or from the only record of the namespace. */
  release: { actions: every, field: 'release', parse: dnsLabel({ longest: 40 }) },
  /** Names of the public Services, the main one first, where they are ambiguous. */
  service: { actions: deploy, field: 'services', parse: serviceNames },
  /** Name pattern of the test Services, with `*` for the role. */
  'test-service': { actions: ['blue-green'], field: 'testService', parse: rolePattern },
  roles: { actions: ['blue-green'], default: 'blue,green', field: 'roles', parse: roles },
  switch: { actions: ['blue-green'], default: 'manual', field: 'switch', parse: oneOf('manual', 'auto') },
  verify: { actions: changing, parse: (text, { checkVariables }) => checks(checkVariables)(text) },
  'synthetic-traffic': {
    actions: changing,
    default: 'auto',
    field: 'syntheticTraffic',
    parse: (text: string, { checkVariables }: ParseContext) => syntheticTraffic(checkVariables)(text),
  },
  'idle-policy': { actions: ['blue-green', ...switching], default: 'keep', parse: idlePolicy },
  'idle-replicas': { actions: ['blue-green', ...switching], default: '0', parse: idleReplicas },
  drain: { actions: ['blue-green', ...switching], default: '30s', field: 'drainMs', parse: duration() },
  /** Whether connections that users keep open to the old role are closed after the drain, where its pods go on running. */
  'close-connections': {
    actions: ['blue-green', ...switching],
    default: 'auto',
    field: 'closeConnections',
    parse: oneOf('auto', 'off'),
  },
  /** How long the public checks are repeated after a promotion, which a failure undoes. */
  bake: { actions: ['blue-green', 'promote'], default: '0s', field: 'bakeMs', parse: duration() },
  'pre-stop': { actions: deploy, default: 'auto', parse: preStop },
  replicas: { actions: deploy, parse: replicas },
  'max-surge': { actions: deploy, parse: podShare },
  'max-unavailable': { actions: deploy, parse: podPart },
  /** GitHub environment whose approval must be proved. Absent: no proof is required. */
  approval: {
    actions: switching,
    default: 'none',
    refuseEmpty: true,
    field: 'approval',
    parse: unless('none', line),
  },
  timeout: { actions: every, default: '10m', field: 'timeoutMs', parse: duration({ atLeastMs: 1 }) },
  /** How long the new pods must stay ready, with no restart. */
  'stable-for': { actions: changing, default: '5s', field: 'stableForMs', parse: duration() },
  /** How long to wait for a lock that another run holds. 0: not at all. */
  'lock-timeout': { actions: [...changing, 'reject'], default: '5m', field: 'lockTimeoutMs', parse: duration() },
  'rollback-on-failure': { actions: changing, default: 'true', field: 'rollbackOnFailure', parse: flag },
  lint: { actions: deploy, default: 'warn', field: 'lint', parse: oneOf('error', 'warn', 'off') },
  recreate: { actions: deploy, default: 'jobs', field: 'recreate', parse: recreate },
  /** Names of Secrets that every workload pulls its images with. Absent: those of the manifests alone. */
  'image-pull-secrets': { actions: deploy, field: 'imagePullSecrets', parse: secretNames },
  'registry-secret': { actions: deploy, parse: dnsSubdomain },
  'registry-credentials': { actions: deploy, parse: registryCredentials, secret: true },
  /** promote: only this staged revision; absent: whatever is staged. rollback: the target; absent: the previous one. */
  revision: { actions: switching, field: 'revision', parse: revisionNumber },
  /** Revisions kept in the record; at least the live one and the one to roll back to. */
  'history-limit': {
    actions: [...changing, 'reject'],
    default: '10',
    field: 'historyLimit',
    parse: integer({ min: 2, max: 100 }),
  },
  'force-conflicts': { actions: deploy, default: 'false', field: 'forceConflicts', parse: flag },
  token: { actions: every, refuseEmpty: true, parse: line, secret: true },
} as const satisfies Readonly<Record<string, InputDefinition>>;

export type InputName = keyof typeof inputTable;

export const inputNames = Object.keys(inputTable) as readonly InputName[];

export function isInputName(name: string): name is InputName {
  return Object.hasOwn(inputTable, name);
}

export function definitionOf(name: InputName): InputDefinition {
  return inputTable[name];
}

export function takes(action: Action, name: InputName): boolean {
  return definitionOf(name).actions.includes(action);
}
