import type { Answers } from './answers.js';
import { declarations, type InputName, type Step } from './table.js';
import type { Check } from './inputs.js';

/** What decides whether the inputs fit each other. */
export interface Facts {
  readonly step: Step;
  /** Inputs that the user gave, whatever their value. */
  readonly isGiven: (name: InputName) => boolean;
  readonly strategy: 'rolling' | 'blue-green';
  readonly switch: 'manual' | 'auto';
  readonly substitution: 'on' | 'strict-only' | 'off';
  readonly checks: readonly Check[];
  /** Whether neither a surplus nor a missing pod is allowed. Absent: not so. */
  readonly neverReplaces?: boolean;
  readonly timeoutMs: number;
  readonly stableForMs: number;
  /** Whether the step belongs to a run on GitHub that could have been approved. */
  readonly inGitHubRun: boolean;
}

/** One contradiction: the input to blame, and why it cannot be meant. */
export interface Contradiction {
  readonly name: InputName;
  readonly reason: string;
}

/** Every way in which inputs that are fine one by one cannot be meant together. */
export function contradictions(facts: Facts): readonly Contradiction[] {
  return [
    ...missing(facts),
    ...strategyOfAction(facts),
    ...switchLater(facts),
    ...uselessVariables(facts),
    ...checksThatNeverRun(facts),
    ...approvalWithoutProof(facts),
    ...steadyTooLong(facts),
    ...noRoomToReplace(facts),
  ];
}

/** Notes the contradictions against inputs that are not refused already. */
export function refuseContradictions(answers: Answers, facts: Facts): void {
  for (const { name, reason } of contradictions(facts)) if (!answers.isRefused(name)) answers.refuse(name, reason);
}

function* missing({ step, isGiven }: Facts): Generator<Contradiction> {
  if ((step === 'rolling' || step === 'blue-green') && !isGiven('manifests')) {
    yield { name: 'manifests', reason: 'accepted: files, folders or globs, one a line (required for action: deploy)' };
  }
}

function* strategyOfAction({ step, strategy, isGiven }: Facts): Generator<Contradiction> {
  if ((step === 'promote' || step === 'reject') && isGiven('strategy') && strategy === 'rolling') {
    yield { name: 'strategy', reason: `but action: ${step} exists for blue-green only; leave it out` };
  }
}

function* switchLater({ step, isGiven, switch: how }: Facts): Generator<Contradiction> {
  if (step !== 'blue-green' || how === 'auto') return;
  for (const name of ['idle', 'drain'] as const) {
    if (isGiven(name)) {
      yield {
        name,
        reason: 'but this step does not switch; set it on the step with action: promote, or use switch: auto',
      };
    }
  }
}

function* uselessVariables({ step, isGiven, substitution }: Facts): Generator<Contradiction> {
  const renders = (step === 'rolling' || step === 'blue-green') && substitution !== 'off';
  if (!isGiven('variables') || renders || isGiven('verify') || !declaredFor('variables', step)) return;
  const why = step === 'promote' || step === 'rollback' ? 'this step renders no manifests' : 'substitution is off';
  yield { name: 'variables', reason: `but ${why} and there is no "verify" to use it; leave it out` };
}

function* checksThatNeverRun({ step, checks }: Facts): Generator<Contradiction> {
  if (step === 'rolling' && checks.some(check => check.on === 'staged')) {
    yield {
      name: 'verify',
      reason: 'but "on: staged" never happens with strategy: rolling, which has no staged side; use public or both',
    };
  }
}

function* approvalWithoutProof({ step, isGiven, inGitHubRun }: Facts): Generator<Contradiction> {
  if (!isGiven('approval') || !declaredFor('approval', step)) return;
  if (!isGiven('token')) {
    yield { name: 'approval', reason: 'but "token" is empty, and without a token the approval cannot be proved' };
  }
  if (!inGitHubRun) {
    yield {
      name: 'approval',
      reason: 'but this is not a run on GitHub (GITHUB_REPOSITORY and GITHUB_RUN_ID are not set)',
    };
  }
}

function* steadyTooLong({ step, stableForMs, timeoutMs }: Facts): Generator<Contradiction> {
  if (declaredFor('steady', step) && stableForMs >= timeoutMs) {
    yield { name: 'steady', reason: 'but "timeout" is not longer, so the wait could never succeed' };
  }
}

function* noRoomToReplace({ neverReplaces }: Facts): Generator<Contradiction> {
  if (neverReplaces === true) {
    yield { name: 'max-surge', reason: 'but "max-unavailable" is 0 too, so no pod could ever be replaced' };
  }
}

function declaredFor(name: 'variables' | 'approval' | 'steady', step: Step): boolean {
  return declarations[name].steps.includes(step);
}
