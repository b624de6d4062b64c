import { isDeepStrictEqual } from 'node:util';
import type { StepResult } from '../runner/runner.js';
import type { KubeObject } from '../../../src/kubernetes/object.js';
import { decodeState } from '../../../src/release/state-record.js';
import type { ReleaseState } from '../../../src/release/state.js';
import { roleOf, type Names } from './request-names.js';
import type { MatrixFault, Target } from './faults.js';
import { field } from '../field.js';
import { applicationOf, intentOf, isOf, release, type Subject } from './subjects.js';
import type { TestNamespace } from '../scenario/test-namespace.js';

/** One finished deploy that met one fault. */
export interface Row {
  readonly ns: TestNamespace;
  readonly subject: Subject;
  readonly fault: MatrixFault;
  readonly target: Target;
  readonly names: Names;
  /** The application's objects before it. */
  readonly before: ReadonlyMap<string, KubeObject>;
  readonly result: StepResult;
}

/** Everything that is wrong with the end of a row, in words. */
export async function judge(row: Row): Promise<readonly string[]> {
  const { ns, result, fault, target } = row;
  const after = await applicationOf(ns);
  const lease = await ns.get('Lease', `cutover-${release}`);
  const held = field(lease, 'spec', 'holderIdentity') as string | undefined;
  const wrong = [
    ...(held ? [`the lock is held by ${held}`] : []),
    ...(result.postExitCode === 0 ? [] : [`post ended with ${result.postExitCode}`]),
  ];
  switch (result.exitCode) {
    case 0:
      return [...wrong, ...(await successful(row, after))];
    case 1: {
      const survivable = fault.survivable(target) ? ['the deploy should have succeeded despite the fault'] : [];
      const judgeFailure = afterSwitch.test(result.log) ? failedAfterSwitch : failed;
      return [...wrong, ...survivable, ...(await judgeFailure(row, after)), ...missingFromMessage(row)];
    }
    default:
      return [...wrong, `it ended with ${result.exitCode}`];
  }
}

/** Success: the live objects match the rendered ones, and the record says so. */
async function successful(row: Row, after: ReadonlyMap<string, KubeObject>): Promise<readonly string[]> {
  const { ns, subject, names, result } = row;
  const wrong = [...after]
    .filter(([name]) => isDeployed(row, name))
    .filter(([, object]) => !isOf(object, names.version))
    .map(([name]) => `${name} does not match ${names.version}`);
  const { outcome, revision } = result.outputs;
  if (outcome !== subject.outcome) wrong.push(`the outcome is ${outcome ?? 'missing'}`);
  const live = roleOf(after.get(`Service/${release}`));
  if (live !== undefined && live !== names.idle) wrong.push(`users are on ${live}`);
  if (![...after.keys()].some(name => name.startsWith('ConfigMap/') && name.endsWith(names.version)))
    wrong.push('the new ConfigMap is missing');
  const state = await stateOf(ns);
  if (state?.current !== Number(revision)) wrong.push(`the record says ${state?.current ?? 'nothing'} is current`);
  if (state?.operation !== undefined && !/still calls this unfinished/.test(result.log))
    wrong.push(`the record shows an unfinished ${state.operation.kind}`);
  if (state?.history[0]?.outcome !== subject.outcome) wrong.push('the history lacks it');
  return [...wrong, ...(leavesWork(result) ? [] : await unrecorded(ns, state))];
}

/** Whether a step logs that it leaves a part of the record to the next run. */
export function leavesWork({ log }: StepResult): boolean {
  return /still calls this unfinished|left for the next run/.test(log);
}

/** Failure after the switch is complete: the record says so, and only work on the role that users left is unfinished. */
async function failedAfterSwitch(row: Row, after: ReadonlyMap<string, KubeObject>): Promise<readonly string[]> {
  const { ns, names } = row;
  const state = await stateOf(ns);
  const moved = ['Service/shop', `Deployment/shop-${names.idle}`].filter(name => {
    const object = after.get(name);
    return object === undefined || !isOf(object, names.version);
  });
  return [
    ...moved.map(name => `${name} does not match ${names.version}`),
    ...(roleOf(after.get('Service/shop')) === names.idle ? [] : ['users are not on the role that the message names']),
    ...(state?.operation?.kind === 'finish' && state.history[0]?.outcome === 'switched'
      ? []
      : ['the record has no unfinished operation']),
  ];
}

/** Whether a successful deploy has written the object; a blue/green one leaves the other role's objects alone. */
function isDeployed({ names, subject }: Row, name: string): boolean {
  if (subject.outcome === 'switched')
    return name === `Service/${release}` || new RegExp(`\\b${names.idle}$`).test(name);
  return !/-v\d+$/.test(name);
}

/** Revisions of the record that do not exist. */
async function unrecorded(ns: TestNamespace, state: ReleaseState | undefined): Promise<readonly string[]> {
  const there = (await ns.list('Secret')).map(({ metadata }) => metadata.name);
  return (state?.revisions ?? [])
    .filter(number => !there.includes(`cutover-${release}.${number}`))
    .map(number => `revision ${number} of the record does not exist`);
}

/** Failure: every object is as before; those of a staged role match the record. */
async function failed(row: Row, after: ReadonlyMap<string, KubeObject>): Promise<readonly string[]> {
  const { ns, names, before } = row;
  const state = await stateOf(ns);
  const staged = state?.strategy === 'blue-green' && state.staged?.role === names.idle;
  const wrong: string[] = [];
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const [was, is] = [before.get(name), after.get(name)];
    if (staged && name.includes(names.idle)) {
      if (is !== undefined && !/-v\d+$/.test(name) && !isOf(is, names.version))
        wrong.push(`${name} does not match the staged version`);
    } else if (was === undefined) wrong.push(`${name} was not removed`);
    else if (is === undefined) wrong.push(`${name} is missing`);
    else if (!isDeepStrictEqual(intentOf(was), intentOf(withoutOthers(is, was))))
      wrong.push(`${name} was not restored`);
  }
  if (state?.operation !== undefined) wrong.push(`the record shows an unfinished ${state.operation.kind}`);
  return [...wrong, ...(await unrecorded(ns, state))];
}

/** The object without the fields of the other manager, which the deploy does not restore. */
function withoutOthers(is: KubeObject, was: KubeObject): KubeObject {
  const { labels = {} } = is.metadata;
  const version = labels['version'] === 'other-manager' ? was.metadata.labels?.['version'] : labels['version'];
  return {
    ...is,
    metadata: { ...is.metadata, labels: { ...labels, ...(version !== undefined && { version }) } },
  };
}

const afterSwitch = /The switch itself is complete and verified/;

/** What the message of the failure lacks. */
function missingFromMessage({ result, fault, target, subject }: Row): readonly string[] {
  const message = result.annotations.filter(({ level }) => level === 'error').at(-1)?.message ?? '';
  const serving = /^Serving users now: (.*)$/m.exec(message)?.[1] ?? '';
  const object = target.name === '' || target.name.includes('<') ? target.kind : `(${target.name}|${target.kind})`;
  const untouched =
    subject.earlier === 0
      ? /nobody|no earlier revision|changed nothing/i
      : /as before|where they were|changed nothing|back on|nothing was switched|Revision \d+ serves users\.|complete and verified/;
  const everything = result.annotations.map(annotation => annotation.message).join('\n');
  return [
    ...(fault.cause.test(everything) ? [] : ['the message lacks the cause']),
    ...(new RegExp(object, 'i').test(message) ? [] : [`the message does not name ${object}`]),
    ...(untouched.test(serving) ? [] : [`the message says that "${serving}" serves users`]),
    ...(/^What to do: ./m.test(message) ? [] : ['the message does not say what to do']),
  ];
}

async function stateOf(ns: TestNamespace): Promise<ReleaseState | undefined> {
  const object = await ns.get('Secret', `cutover-${release}`);
  return object && decodeState(object);
}
