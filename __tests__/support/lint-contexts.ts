import type { KubeObject } from '../../src/kubernetes/object.js';
import type { Resource } from '../../src/manifests/resource.js';
import type { PlannedChange } from '../../src/plan/change.js';
import type { LintContext } from '../../src/plan/lint/rule.js';
import { render, renderBoth, type Overrides } from './rendering.js';

/** The manifests as a rolling deploy would apply them. */
export function rollingContext(text: string, more: Overrides = {}): LintContext {
  return {
    strategy: 'rolling',
    resources: render(text, more).resources,
    planned: [],
    idle: new Set(),
    active: [],
    publicServices: [],
  };
}

/** The manifests as a blue/green deploy would stage them on green. */
export function stagingContext(text: string, more: Overrides = {}): LintContext {
  const { shared, of, publicServices } = renderBoth(text, more).resources;
  const own = of['green'] ?? [];
  const front = publicServices['green'] ?? [];
  return {
    strategy: 'blue-green',
    resources: [...shared, ...own, ...front],
    planned: [],
    idle: new Set(own),
    active: [],
    publicServices: front,
  };
}

/** The only resource of a kind; throws unless there is exactly one. */
export function only(context: LintContext, kind: string): Resource {
  const [found, ...others] = context.resources.filter(({ object }) => object.kind === kind);
  if (found === undefined || others.length > 0) throw new Error(`there is not one ${kind}`);
  return found;
}

/** The context with the answer of a dry run for one object: live, and as it would be stored (default: as the manifest says). */
export function withLive(
  context: LintContext,
  kind: string,
  facts: { readonly change: PlannedChange['change']; readonly live: KubeObject; readonly after?: KubeObject },
): LintContext {
  const resource = only(context, kind);
  const { change, live, after = resource.object } = facts;
  return { ...context, planned: [...context.planned, { resource, change, live, after }] };
}
