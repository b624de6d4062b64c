import type { RollbackHint } from '../strategies/outcome/outcome.js';

/** A step that can follow. */
export type NextStep = Omit<RollbackHint, 'action'> & { readonly action: RollbackHint['action'] | 'promote' };

/** The inputs of the step, ready to be pasted below `uses:`. */
export function nextStepYaml({ action, release, namespace, revision }: NextStep): string {
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
