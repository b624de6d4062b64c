import type { KubeObject } from '../../../src/manifests/object.js';
import type { Resource } from '../../../src/manifests/resource.js';
import type { PlannedChange } from '../../../src/plan/change.js';
import type { Scene } from '../../../src/plan/findings/finding.js';
import { render, renderBoth, type Overrides } from '../../manifests/rendering.js';

/** The manifests as a rolling deploy would apply them. */
export function rollingScene(text: string, more: Overrides = {}): Scene {
  return { strategy: 'rolling', resources: render(text, more).resources, planned: [], idle: new Set(), active: [] };
}

/** The manifests as a blue/green deploy would stage them on green. */
export function stagingScene(text: string, more: Overrides = {}): Scene {
  const { shared, of, publicService } = renderBoth(text, more).resources;
  const own = of['green'] ?? [];
  const front = publicService['green'];
  return {
    strategy: 'blue-green',
    resources: [...shared, ...own, ...(front === undefined ? [] : [front])],
    planned: [],
    idle: new Set(own),
    active: [],
    ...(front !== undefined && { publicService: front }),
  };
}

/** The resource of a kind; throws unless there is just one. */
export function only(scene: Scene, kind: string): Resource {
  const [found, ...others] = scene.resources.filter(({ object }) => object.kind === kind);
  if (found === undefined || others.length > 0) throw new Error(`there is not one ${kind}`);
  return found;
}

/** The scene with what a dry run said of one object: live, and as it would be stored (default: as the manifest says). */
export function withLive(
  scene: Scene,
  kind: string,
  facts: { readonly change: PlannedChange['change']; readonly live: KubeObject; readonly after?: KubeObject },
): Scene {
  const resource = only(scene, kind);
  const { change, live, after = resource.object } = facts;
  return { ...scene, planned: [...scene.planned, { resource, change, live, after }] };
}
