/**
 * Variables that the runner means for itself or for this step alone: service tokens, inputs, state, and the files through which
 * a step sets variables, outputs and its summary. No manifest, kustomization or command sees them.
 */
const withheld = /^(ACTIONS_.*|GITHUB_(TOKEN|ENV|PATH|OUTPUT|STATE|STEP_SUMMARY)|INPUT_.*|RUNNER_.*|STATE_.*)$/i;

/** The environment without what is withheld from manifests, kustomizations and commands. */
export function ownEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const own = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !withheld.test(entry[0]),
  );
  return Object.fromEntries(own);
}

/**
 * The variables of the process, with the inputs of the step. The process itself loses its inputs: a program that a library starts,
 * such as the command of a legacy `auth-provider`, gets all variables of the process.
 */
export function takeEnvironment(ofProcess: Record<string, string | undefined>): Readonly<Record<string, string>> {
  const taken = Object.entries(ofProcess).filter((entry): entry is [string, string] => entry[1] !== undefined);
  for (const [name] of taken) if (/^INPUT_/i.test(name)) Reflect.deleteProperty(ofProcess, name);
  return Object.fromEntries(taken);
}
