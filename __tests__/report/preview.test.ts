import { describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import type { Finding } from '../../src/plan/lint/finding.js';
import type { Preview, PreviewedObject } from '../../src/plan/preview.js';
import { buildOutputs } from '../../src/report/outputs.js';
import type { Report } from '../../src/report/report.js';
import { buildSummary } from '../../src/report/summary.js';

const ref = (kind: string, name: string) => ({ apiVersion: 'v1', kind, namespace: 'shop', name });
const at = { file: 'k8s/web.yml', line: 4, column: 3 };
const image = { path: 'spec.template.spec.containers[web].image', from: '"web:1"', to: '"web:2"' };
const finding: Finding = {
  code: 'single-replica',
  message: 'Deployment shop/web-green serves with a single pod.',
  remedy: 'Set replicas to 2 or more.',
  object: ref('Deployment', 'web-green'),
  field: 'spec.replicas',
  at,
};
const preview: Preview = {
  revision: 8,
  role: 'green',
  notes: ['Revision 8 would be staged on green, without user traffic.'],
  objects: [
    { ref: ref('Deployment', 'web-green'), at, when: 'deploy', change: 'changed', fields: [image] },
    { ref: ref('ConfigMap', 'web'), at, when: 'deploy', change: 'unchanged', fields: [] },
    { ref: ref('Gadget', 'new'), at, when: 'deploy', change: 'created', unchecked: 'its kind is new', fields: [] },
    {
      ref: ref('Service', 'web'),
      at,
      when: 'switch',
      change: 'changed',
      fields: [{ path: 'spec.selector.role', from: '"blue"', to: '"green"' }],
    },
  ],
  images: [{ ref: ref('Deployment', 'web-green'), container: 'web', from: 'web:1', to: 'web:2' }],
  users: [
    { ref: ref('Deployment', 'web-blue'), at, when: 'switch', change: 'changed', fields: [image] },
    { ref: ref('ConfigMap', 'web-blue'), at, when: 'switch', change: 'created', fields: [] },
  ],
};
const planned: Report = {
  action: 'plan',
  outcome: 'planned',
  release: 'web',
  namespace: 'shop',
  strategy: 'blue-green',
  activeRole: 'blue',
  idleRole: 'green',
  serving: 'Users are on blue, as before.',
  phases: [],
  changes: preview.objects.map(({ ref: of, change }) => ({ ref: of, change })),
  preview,
  findings: [finding],
};

interface Plan {
  readonly objects: readonly { readonly name: string; readonly fields: readonly unknown[] }[];
  readonly problems: readonly unknown[];
  readonly cut?: string;
}
const planOf = (report: Report): Plan => JSON.parse(buildOutputs(report)['plan'] ?? '') as Plan;
const withObjects = (objects: readonly PreviewedObject[]): Report => ({ ...planned, preview: { ...preview, objects } });

describe('the output `plan`', () => {
  it('has what a deploy would do, in the members that docs/planning.md describes', () => {
    expect(planOf(planned)).toEqual({
      format: 1,
      release: 'web',
      namespace: 'shop',
      strategy: 'blue-green',
      changes: true,
      refused: false,
      revision: 8,
      activeRole: 'blue',
      stagedRole: 'green',
      notes: preview.notes,
      objects: [
        expect.objectContaining({
          kind: 'Deployment',
          namespace: 'shop',
          name: 'web-green',
          change: 'changed',
          when: 'deploy',
          checked: true,
          file: 'k8s/web.yml',
          line: 4,
          fields: [image],
        }),
        expect.objectContaining({ name: 'web', change: 'unchanged', fields: [] }),
        expect.objectContaining({ name: 'new', change: 'created', checked: false }),
        expect.objectContaining({ kind: 'Service', when: 'switch' }),
      ],
      images: [
        { kind: 'Deployment', namespace: 'shop', name: 'web-green', container: 'web', from: 'web:1', to: 'web:2' },
      ],
      users: [
        { kind: 'Deployment', namespace: 'shop', name: 'web-blue', change: 'changed', fields: [image] },
        { kind: 'ConfigMap', namespace: 'shop', name: 'web-blue', change: 'created', fields: [] },
      ],
      findings: [
        {
          code: 'single-replica',
          message: finding.message,
          remedy: finding.remedy,
          kind: 'Deployment',
          namespace: 'shop',
          name: 'web-green',
          field: 'spec.replicas',
          ...at,
        },
      ],
      problems: [],
    });
  });

  it('has the warnings of the API server, and so has the summary', () => {
    const [object] = preview.objects;
    if (object === undefined) throw new Error('there is no object');
    const warned = withObjects([{ ...object, warnings: ['a <b> is `old`'] }]);
    expect(planOf(warned).objects).toMatchObject([{ warnings: ['a <b> is `old`'] }]);
    expect(buildSummary(warned)).toContain(
      '### Warnings of the API server\n\n- Deployment shop/web-green: a &lt;b&gt; is \\`old\\`',
    );
  });

  it('lists why a deploy would be refused, with the place where there is one', () => {
    const problems = [{ message: 'an unknown field', at }, { message: 'a missing right' }];
    const error = new CutoverError('refused', { code: 'rejected-plan', problems });
    expect(planOf({ ...planned, outcome: 'failed', error })).toMatchObject({
      refused: true,
      problems: [{ message: 'an unknown field', file: 'k8s/web.yml', line: 4 }, { message: 'a missing right' }],
    });
    const alone = new CutoverError('another run is switching', { code: 'changed' });
    expect(planOf({ ...planned, outcome: 'failed', error: alone }).problems).toEqual([
      { message: 'another run is switching' },
    ]);
  });

  it('is there for a plan alone, and says by `outcome` only that nothing would change, or that it failed', () => {
    const { preview: _none, ...deployed } = planned;
    expect(buildOutputs({ ...deployed, outcome: 'deployed' })).not.toHaveProperty('plan');
    expect(buildOutputs(planned)).not.toHaveProperty('outcome');
    expect(buildOutputs({ ...planned, outcome: 'unchanged' })).toMatchObject({ outcome: 'unchanged' });
  });

  it('is cut where it would be too long: the fields, then what is unchanged, then the ends of the lists', () => {
    const many = (count: number, change: PreviewedObject['change'], fields: PreviewedObject['fields']) =>
      Array.from({ length: count }, (_, index): PreviewedObject => {
        return { ref: ref('ConfigMap', `object-${index}`), when: 'deploy', change, fields };
      });
    const long = { path: 'data.page', from: `"${'a'.repeat(290)}"`, to: `"${'b'.repeat(290)}"` };
    const cuts = [
      many(100, 'changed', [long]),
      many(1_000, 'changed', [long]),
      [...many(3_000, 'unchanged', []), ...many(10, 'changed', [long])],
      many(3_000, 'changed', [long]),
    ].map(objects => {
      const json = buildOutputs(withObjects(objects))['plan'] ?? '';
      expect(json.length).toBeLessThanOrEqual(200_000);
      const plan = JSON.parse(json) as Plan;
      return [plan.cut, plan.objects.length] as const;
    });
    expect(cuts.slice(0, 3)).toEqual([
      [undefined, 100],
      ['fields', 1_000],
      ['unchanged', 10],
    ]);
    const [cut, left = 0] = cuts[3] ?? [];
    expect(cut).toBe('lists');
    expect(left).toBeGreaterThan(100);
  });
});

describe('the summary of a plan', () => {
  const summary = buildSummary(planned);

  it('begins with what would happen, and who is served now', () => {
    expect(summary).toMatch(/^## ℹ️ web: revision 8 would be staged on green\n\n\*\*Serving users now:\*\*/);
    expect(summary).toContain('- Revision 8 would be staged on green, without user traffic.');
  });

  it('has a row for each object that changes, and folds its fields', () => {
    expect(summary).toContain('| Deployment | `web-green` | `shop` | changed |  |');
    expect(summary).toContain('| Gadget | `new` | `shop` | created, not checked |  |');
    expect(summary).toContain('| Service | `web` | `shop` | changed | at the switch |');
    expect(summary).toContain('Not checked: its kind is new.');
    expect(summary).toContain('1 object stays unchanged.');
    expect(summary).toContain(
      '<details><summary>Deployment shop/web-green: 1 field</summary>\n\n```text\nspec.template.spec.containers[web].image: "web:1" → "web:2"\n```\n\n</details>',
    );
  });

  it('has the images and the findings', () => {
    expect(summary).toContain('| `Deployment shop/web-green` | `web` | `web:1` | `web:2` |');
    expect(summary).toContain(
      '| `single-replica` | `Deployment shop/web-green` | `k8s/web.yml:4:3` | Deployment shop/web-green serves with a single pod. | Set replicas to 2 or more. |',
    );
  });

  it('says of a plan without changes that nothing would be changed', () => {
    expect(buildSummary({ ...planned, outcome: 'unchanged' })).toContain('web: nothing would be changed');
  });

  it('stays below the limit, and shows that it was cut outside of what is folded', () => {
    const fields = Array.from({ length: 100 }, (_, index) => ({
      path: `data.key-${index}`,
      to: `"${'x'.repeat(250)}"`,
    }));
    const objects = Array.from({ length: 60 }, (_, index): PreviewedObject => {
      return { ref: ref('ConfigMap', `object-${index}`), when: 'deploy', change: 'changed', fields };
    });
    const cut = buildSummary(withObjects(objects));
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(900_000);
    expect(cut).toMatch(/```\n\n<\/details>\n\n\*Cut here/);
  });
});
