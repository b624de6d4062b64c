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
