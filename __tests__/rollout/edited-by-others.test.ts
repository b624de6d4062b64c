import { describe, expect, it } from '@jest/globals';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { assess } from '../../src/rollout/assessment.js';
import { Progress } from '../../src/rollout/progress.js';
import { Inventory } from '../../src/rollout/inventory.js';
import { deployment, pod, replicaSet } from '../support/objects.js';

const image = { 'f:spec': { 'f:containers': { 'k:{"name":"app"}': { '.': {}, 'f:name': {}, 'f:image': {} } } } };
const ownOf = (template: object): object => ({
  manager: 'cutover',
  operation: 'Apply',
  apiVersion: 'apps/v1',
  fieldsV1: { 'f:spec': { 'f:template': template } },
});
const byOther = (manager: string, template: object): object => ({
  manager,
  operation: 'Update',
  apiVersion: 'apps/v1',
  fieldsV1: { 'f:spec': { 'f:template': template } },
});

/** The object with these managers, and these annotations of its template. */
function managed(object: KubeObject, managedFields: readonly object[], annotations = {}): KubeObject {
  const spec = object['spec'] as { readonly template: { readonly metadata: object } };
  const { template } = spec;
  const metadata = { ...template.metadata, ...(Object.keys(annotations).length > 0 && { annotations }) };
  return {
    ...object,
    metadata: {
      ...object.metadata,
      managedFields: managedFields as NonNullable<KubeObject['metadata']['managedFields']>,
    },
    spec: { ...spec, template: { ...template, metadata } },
  };
}

const written = managed(deployment({ tag: 'v2', generation: 2 }), [ownOf(image)]);
const reloaded = { 'reloader/last': 'abc' };

/** The assessment of the written Deployment when this one is live, beside the pods of both templates. */
function assessed(live: KubeObject): ReturnType<typeof assess> {
  const inventory = new Inventory();
  const before = replicaSet('v2', 'h2');
  const after = managed(replicaSet('v2', 'h3'), [], reloaded);
  for (const object of [
    live,
    before,
    after,
    pod({ owner: 'rs-h2', name: 'old' }),
    pod({ owner: 'rs-h3', name: 'new' }),
  ])
    inventory.update({ type: 'ADDED', object });
  return assess(written, { inventory });
}

describe('a workload that somebody else edits during the wait', () => {
  it('is waited for in the version that has what they added, while all that Cutover applied is as it was', () => {
    const added = byOther('reloader', { 'f:metadata': { 'f:annotations': { 'f:reloader/last': {} } } });
    const live = managed(deployment({ tag: 'v2', generation: 3 }), [ownOf(image), added], reloaded);
    const assessment = assessed(live);
    const { superseded, newPods, templateHash } = assessment;
    expect([superseded, newPods.map(({ metadata }) => metadata.name), templateHash]).toEqual([
      undefined,
      ['new'],
      'h3',
    ]);
    const progress = new Progress(0, { timeoutMs: 60_000, stableForMs: 0 });
    const [line] = progress.changes([assessment], 1_000);
    expect(line).toBe(
      'Deployment shop/web: its pod template got an addition (spec.template.metadata.annotations, by "reloader"); the pods with it are waited for',
    );
    expect(progress.changes([assessment], 2_000)).toEqual([]);
  });

  it('is superseded where they changed what Cutover applied, with the field and who it was', () => {
    const name = { 'f:spec': { 'f:containers': { 'k:{"name":"app"}': { '.': {}, 'f:name': {} } } } };
    const live = managed(deployment({ tag: 'v9', generation: 3 }), [ownOf(name), byOther('kubectl-set', image)]);
    expect(assessed(live).superseded).toBe(
      'got another pod template (spec.template.spec.containers[app].image, by "kubectl-set")',
    );
  });

  it('is superseded where another run applied another version', () => {
    const live = managed(deployment({ tag: 'v9', generation: 3 }), [ownOf(image)]);
    expect(assessed(live).superseded).toBe('got another pod template');
  });
});
