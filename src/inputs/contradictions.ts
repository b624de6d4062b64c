import { describeAction, isStrategyName, type Action } from './actions.js';
import { namesRole } from './checks/side-url.js';
import type { DockerLogin } from './parse/docker-login.js';
import { isNone } from './parse/overrides.js';
import type { ReceivedInputs } from './received-inputs.js';
import { takes, type InputName } from './table.js';
import type { Values } from './values.js';

/** What decides whether the inputs fit together. */
export interface Combination {
  readonly action: Action;
  readonly values: Values;
  readonly received: Pick<ReceivedInputs, 'isSet' | 'isRefused'>;
  /** The docker login of the runner. `undefined`: it is not used. */
  readonly dockerLogin: DockerLogin | undefined;
  /** Whether the step belongs to a run on GitHub, which could have been approved. */
  readonly inGitHubRun: boolean;
}

/** One contradiction: the input to report it for, and the reason. */
export interface Contradiction {
  readonly name: InputName;
  readonly reason: string;
}

/** Every way in which inputs that are valid one by one do not fit together. */
function contradictions(combination: Combination): readonly Contradiction[] {
  return [
    missingManifests,
    strategyOfAction,
    idleInputsWithoutSwitch,
    idleReplicasOfKeptRole,
    unusedVariables,
    checksWithoutStagedSide,
    checksWithoutBake,
    approvalWithoutProof,
    stableForTooLong,
    stableForWithoutBackup,
    noPodCanBeReplaced,
    secretWithoutCredentials,
    unusedCredentials,
  ].flatMap(rule => [...rule(combination)]);
}

/** Adds the contradictions as problems of inputs that have none yet. */
export function refuseContradictions(received: ReceivedInputs, combination: Combination): void {
  for (const { name, reason } of contradictions(combination)) {
    if (!received.isRefused(name)) received.refuse(name, reason);
  }
}

type Rule = Generator<Contradiction>;

function* missingManifests({ action, received }: Combination): Rule {
  if (isStrategyName(action) && !received.isSet('manifests')) {
    yield {
      name: 'manifests',
      reason: 'accepted: files, folders or globs, one per line (required for action: deploy)',
    };
  }
}

function* strategyOfAction({ action, values, received }: Combination): Rule {
  if ((action === 'promote' || action === 'reject') && received.isSet('strategy') && values.strategy !== 'blue-green') {
    yield { name: 'strategy', reason: `but action: ${action} is only for blue-green releases; remove it` };
  }
}

function* idleInputsWithoutSwitch({ action, values, received }: Combination): Rule {
  if (!takes(action, 'switch') || values.switch === 'auto') return;
  // `drain` is for an adoption, too.
  for (const name of ['idle-policy', 'idle-replicas', 'close-connections', 'bake'] as const) {
    // What a hot backup needs is recorded by the step that stages.
    if (received.isSet(name) && !(name === 'idle-policy' && values[name] === 'hot-backup')) {
      yield {
        name,
        reason: 'but this step does not switch; set it on the step with action: promote, or use switch: auto',
      };
    }
  }
}

function* idleReplicasOfKeptRole({ values, received }: Combination): Rule {
  const policy = values['idle-policy'];
  if (policy === 'scale-down' || !received.isSet('idle-replicas') || received.isRefused('idle-policy')) return;
  const runs = policy === 'keep' ? 'leaves all pods of the old role' : 'runs the old role at its full size';
  yield {
    name: 'idle-replicas',
    reason: `but idle-policy: ${policy} ${runs}; set idle-policy: scale-down, or remove it`,
  };
}

function* unusedVariables({ action, values, received }: Combination): Rule {
  const renders = isStrategyName(action) && values.substitution !== 'off';
  if (!received.isSet('variables') || renders || received.isSet('verify') || received.isSet('synthetic-traffic'))
    return;
  const why = isStrategyName(action) ? 'substitution is off' : 'this step renders no manifests';
  yield {
    name: 'variables',
    reason: `but ${why} and there is no "verify" or "synthetic-traffic" to use it; remove it`,
  };
}

function* checksWithoutStagedSide({ action, values }: Combination): Rule {
  if (action === 'rolling' && values.verify?.some(check => check.when === 'staged') === true) {
    yield {
      name: 'verify',
      reason: 'but "when: staged" never applies with strategy: rolling, which has no staged side; use public or both',
    };
  }
  if (action === 'rolling' && values.verify?.some(namesRole) === true) {
    yield { name: 'verify', reason: 'but $<ROLE> in "url" is nothing with strategy: rolling, which has no roles' };
  }
}

function* checksWithoutBake({ action, values, received }: Combination): Rule {
  if (values.verify?.some(check => check.when === 'bake') !== true || received.isRefused('bake')) return;
  const why = whyNoBake(action, values);
  if (why !== undefined) yield { name: 'verify', reason: `but "when: bake" never applies ${why}` };
}

/** Why nothing bakes that these checks are for; `undefined`: it does, or the step with action: promote may have a bake. */
function whyNoBake(action: Action, { bake, switch: when }: Values): string | undefined {
  if (!takes(action, 'bake')) return `with ${describeAction(action)}, which has no bake; use public or both`;
  if (bake > 0 || (takes(action, 'switch') && when === 'manual')) return undefined;
  return 'without a bake; set bake, such as bake: 5m, or use public or both';
}

function* approvalWithoutProof({ received, inGitHubRun }: Combination): Rule {
  if (!received.isSet('approval')) return;
  if (!received.isSet('token')) {
    yield { name: 'approval', reason: 'but "token" is empty, and the approval cannot be proved without a token' };
  }
  if (!inGitHubRun) {
    yield {
      name: 'approval',
      reason: 'but this is not a run on GitHub (GITHUB_REPOSITORY and GITHUB_RUN_ID are not set)',
    };
  }
}

function* stableForTooLong({ action, values }: Combination): Rule {
  const waits = takes(action, 'stable-for') && (action !== 'promote' || values['idle-policy'] === 'hot-backup');
  if (waits && values['stable-for'] >= values.timeout) {
    yield { name: 'stable-for', reason: 'but "timeout" is not longer, so the wait could never succeed' };
  }
}

function* stableForWithoutBackup({ action, values, received }: Combination): Rule {
  if (action !== 'promote' || values['idle-policy'] === 'hot-backup' || !received.isSet('stable-for')) return;
  yield {
    name: 'stable-for',
    reason:
      'but action: promote waits for it only with idle-policy: hot-backup, since what is staged was stable; remove it',
  };
}

function* noPodCanBeReplaced({ values }: Combination): Rule {
  if (isNone(values['max-surge']) && isNone(values['max-unavailable'])) {
    yield { name: 'max-surge', reason: 'but "max-unavailable" is 0 too, so no pod could ever be replaced' };
  }
}

function* secretWithoutCredentials({ values, dockerLogin }: Combination): Rule {
  if (values['registry-secret'] === undefined || dockerLogin === undefined || dockerLogin.logins.length > 0) return;
  yield {
    name: 'registry-secret',
    reason: `but there are no credentials for it: "registry-credentials" is not set, and the docker login of the runner cannot be used: ${dockerLogin.unreadable.join('; ')}`,
  };
}

function* unusedCredentials({ values, received }: Combination): Rule {
  if (!received.isSet('registry-credentials') || received.isSet('registry-secret')) return;
  if (values['image-check'] === 'off') {
    yield {
      name: 'registry-credentials',
      reason: 'but there is no "registry-secret", and "image-check" is off; remove it',
    };
  }
}
