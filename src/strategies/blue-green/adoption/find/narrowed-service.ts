import { fieldManager } from '../../../../cluster/apply/field-manager.js';
import { isMigratedManager, planOwnershipMigration } from '../../../../cluster/apply/ownership-migration.js';
import { appliedBy } from '../../../../cluster/apply/owned-fields.js';
import { asCutoverError } from '../../../../errors.js';
import { fieldsAt, withField, without } from '../../../../kubernetes/fields.js';
import { refOf, type KubeObject } from '../../../../kubernetes/object.js';
import { selectorOf } from '../../../../kubernetes/selectors.js';
import type { RunContext } from '../../../../run/context.js';

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * What is applied to the public Service to narrow it to a role: the fields that Cutover owns, or will own once their ownership is
 * migrated, with the selector of the role. `rendered`: the role's public Service of the manifests.
 */
export function narrowedTo(rendered: KubeObject, live: KubeObject): KubeObject {
  const migration = planOwnershipMigration({ live, desired: rendered, manager: fieldManager });
  const owner =
    migration === undefined ? live : withField(live, ['metadata', 'managedFields'], migration.managedFields);
  const { apiVersion, kind, name, namespace } = refOf(live);
  const base = appliedBy(owner, fieldManager) ?? {
    apiVersion,
    kind,
    metadata: { name, ...(namespace !== undefined && { namespace }) },
  };
  const { labels = {}, annotations = {} } = rendered.metadata;
  const marked = {
    ...base.metadata,
    labels: { ...base.metadata.labels, ...pick(labels, 'app.kubernetes.io/managed-by') },
    annotations: {
      ...without(fieldsAt(base, ['metadata', 'annotations']), [lastApplied]),
      ...pick(annotations, 'cutover/release'),
    },
  };
  return withField(withField(base, ['metadata'], marked), ['spec', 'selector'], selectorOf(rendered));
}

/** Whether the write takes fields over from tools that are migrated. Throws `conflict` where another manager owns them. */
export async function takesOver(
  ctx: RunContext,
  { narrowed, force }: { readonly narrowed: KubeObject; readonly force: boolean },
): Promise<boolean> {
  try {
    await ctx.cluster.dryRunApply(narrowed, { force });
    return force;
  } catch (thrown) {
    const error = asCutoverError(thrown);
    const managers = error.problems.map(({ manager = '' }) => manager);
    if (error.code !== 'conflict' || !managers.every(isMigratedManager)) throw error;
    return true;
  }
}

function pick(values: Readonly<Record<string, string>>, key: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => name === key));
}
