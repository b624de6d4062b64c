import type { Problem } from '../errors.js';
import { textAt } from '../kubernetes/fields.js';
import { groupKind } from '../kubernetes/kinds.js';
import type { ManifestWarning } from './problems.js';
import type { Resource } from './resource.js';

/** When another tool acts on an object that it calls a hook, by the value of the annotation in lower case. */
interface HookTool {
  readonly tool: string;
  readonly annotation: string;
  /** A deploy applies objects with these values, as any other object. */
  readonly ordinary: readonly string[];
  /** A deploy includes these moments, but the tool acts before or after everything else is applied. */
  readonly ofDeploy: readonly string[];
}

/** Every other value belongs to a deletion, a test, a rollback or a failure, or means nothing to the tool, which then skips the object. */
const tools: readonly HookTool[] = [
  {
    tool: 'Helm',
    annotation: 'helm.sh/hook',
    ordinary: ['crd-install'],
    ofDeploy: ['pre-install', 'post-install', 'pre-upgrade', 'post-upgrade'],
  },
  {
    tool: 'Argo CD',
    annotation: 'argocd.argoproj.io/hook',
    ordinary: ['sync'],
    ofDeploy: ['presync', 'postsync'],
  },
];

/** Kinds that do their work once, at the moment of the hook. */
const tasks: ReadonlySet<string> = new Set(['batch/Job', '/Pod']);

/** The manifests without the hooks that a deploy must not run. */
export interface WithoutHooks {
  readonly resources: readonly Resource[];
  readonly warnings: readonly ManifestWarning[];
  readonly problems: readonly Problem[];
}

/**
 * Leaves out the hooks of Helm and Argo CD that do not belong to a deploy, with a warning each. A Job or Pod that a deploy would run at
 * another time than the tool is a problem; any other object of such a hook is applied with the rest, which a warning tells.
 */
export function withoutHooks(resources: readonly Resource[]): WithoutHooks {
  const kept: Resource[] = [];
  const warnings: ManifestWarning[] = [];
  const problems: Problem[] = [];
  for (const resource of resources) {
    const found = hookOf(resource);
    if (found === undefined) {
      kept.push(resource);
      continue;
    }
    const { object, positionOf } = resource;
    const { tool, annotation, value, events } = found;
    const at = positionOf(['metadata', 'annotations', annotation]);
    const name = `${object.kind} ${object.metadata.name}`;
    const hook = `a hook of ${tool} (${annotation}: ${value})`;
    const isOf = (moments: readonly string[]): boolean => events.some(event => moments.includes(event));
    if (isOf(found.ordinary)) kept.push(resource);
    else if (!isOf(found.ofDeploy)) {
      warnings.push({ message: `${name} is left out: as ${hook}, it does not belong to a deploy.`, at });
    } else if (tasks.has(groupKind(object))) {
      const remedy = `Take it out of the manifests (\`helm template --no-hooks\` leaves all hooks out), or remove the annotation to run it together with everything else.`;
      problems.push({
        message: `${name} is ${hook}, which runs at a moment that Cutover does not have. ${remedy}`,
        at,
      });
    } else {
      kept.push(resource);
      const message = `${name} is ${hook}: it is applied together with everything else, and stays.`;
      warnings.push({ message, at });
    }
  }
  return { resources: kept, warnings, problems };
}

interface Hook extends HookTool {
  readonly value: string;
  readonly events: readonly string[];
}

function hookOf({ object }: Resource): Hook | undefined {
  for (const known of tools) {
    const value = textAt(object, ['metadata', 'annotations', known.annotation]);
    if (value === undefined) continue;
    return { ...known, value, events: value.split(',').map(event => event.trim().toLowerCase()) };
  }
  return undefined;
}
