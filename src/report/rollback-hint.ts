import type { RollbackHint } from '../strategies/outcome/outcome.js';

/** The inputs of the step that rolls back or rejects, ready to be pasted below `uses:`. */
export function rollbackInputs({ action, release, namespace, revision }: RollbackHint): string {
  return [
    'with:',
    `  action: ${action}`,
    `  release: ${scalar(release)}`,
    `  namespace: ${scalar(namespace)}`,
    ...(revision === undefined ? [] : [`  revision: '${revision}'`]),
  ].join('\n');
}

/** A DNS label as YAML: quoted where YAML could read it as a number or a boolean. */
function scalar(label: string): string {
  const word = /^(y|n|yes|no|on|off|true|false|null)$/i.test(label);
  return /^[a-z]/.test(label) && !word ? label : JSON.stringify(label);
}
