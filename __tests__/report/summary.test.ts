import { describe, expect, it } from '@jest/globals';
import type { Report } from '../../src/report/report.js';
import { buildSummary, duration } from '../../src/report/summary.js';
import { early, staged } from '../support/reports.js';

const approved: NonNullable<Report['approval']> = {
  ...{ environment: 'production', subject: 'staged-by-run', job: 'id-token', attempt: 1, by: ['ann'], comment: '' },
};

describe('the job summary', () => {
  it('shows outcome, what serves users, objects, checks, times, how to go on and how to roll back, in this order', () => {
    expect(buildSummary(staged)).toBe(`## ✅ web: revision 8 is staged on green, without user traffic yet

**Serving users now:** Users are on blue, revision 7.

|  |  |
| --- | --- |
| Namespace | \`shop\` |
| Strategy | \`blue-green\` |
| Revision | \`8\` |
| Active role | \`blue\` |
| Idle role | \`green\` |
| Staged on | \`green\` |
| Test endpoint (inside the cluster) | \`http://web-test-green.shop.svc\` |

### Objects

| Kind | Name | Namespace | Change |
| --- | --- | --- | --- |
| Deployment | \`web-green\` | \`shop\` | changed |
| Namespace | \`shop\` |  | created |

1 object is unchanged.

### Checks

| Check | Side | Verdict | Answer | Attempts | Time |
| --- | --- | --- | --- | --- | --- |
| \`GET /\` | staged | pass | 2 pods and Service web-test-green answered 200 | 3 | 8.2 s |

### Time

| Phase | Time |
| --- | --- |
| Deploy | 1 min 1 s |
| Verify staged | 8.2 s |
| Total | 1 min 10 s |

### How to go on

To look at it on \`http://127.0.0.1:8080\`, run:

\`\`\`sh
kubectl port-forward -n shop service/web-test-green 8080:80
\`\`\`

To lead users to it, run a step of this action that has these inputs, with \`approval\` where your promotions ask for one:

\`\`\`yaml
with:
  action: promote
  release: web
  namespace: shop
  revision: '8'
\`\`\`

### How to roll back

Discard what is staged with a step of this action that has these inputs:

\`\`\`yaml
with:
  action: reject
  release: web
  namespace: shop
\`\`\`
`);
  });

  it('of a failure has the cause, what to do and every problem with its position', () => {
    expect(buildSummary(early)).toBe(`## ❌ Cutover: deploy failed

**Serving users now:** Nothing was changed.

### What went wrong

Two inputs are wrong

**What to do:** Correct them and run the step again.

- strategy: "canary" is not one of rolling, blue-green
- k8s/web.yml:3:5: key is not known
`);
  });

  it('names the object of a failure', () => {
    const error = { message: 'The pods did not become ready', object: 'Deployment shop/web', problems: [] };
    expect(buildSummary({ ...staged, outcome: 'failed', error })).toContain('**Object:** `Deployment shop/web`');
  });

  it.each<[string, Partial<Report>, string]>([
    ['unchanged', { outcome: 'unchanged' }, '## ✅ web: nothing had to be changed'],
    ['deployed', { outcome: 'deployed' }, '## ✅ web: revision 8 is deployed'],
    ['switched', { outcome: 'switched', activeRole: 'green' }, '## ✅ web: users are on revision 8 on green'],
    ['rolled-back', { outcome: 'rolled-back' }, '## ↩️ web: users are back on revision 8 on blue'],
    ['rejected', { outcome: 'rejected' }, '## ↩️ web: what was staged is discarded'],
    ['status', { outcome: 'status', action: 'status' }, '## ℹ️ web: status'],
    ['failed', { outcome: 'failed', action: 'promote' }, '## ❌ web: promote failed'],
  ])('of outcome %s begins with it', (_, change, first) => {
    expect(buildSummary({ ...staged, ...change }).split('\n')[0]).toBe(first);
  });

  it('shows who approved and what they wrote', () => {
    const approval = { ...approved, by: ['ann', 'bob'], comment: 'ship *it*' };
    const summary = buildSummary({ ...staged, approval });
    expect(summary).toContain('### Approval\n\n- Approved for environment production by ann, bob: ship \\*it\\*\n');
    expect(summary).toContain(
      'Where: this job in environment production, attempt 1 of this run, proved by its ID token.',
    );
    expect(summary).not.toContain('unknown');
  });

  it('says what nobody knows of an approval in a run with several attempts', () => {
    expect(buildSummary({ ...staged, approval: { ...approved, attempt: 2 } })).toContain(
      'Attempt of the review unknown',
    );
  });

  it.each(['promote', 'rollback'] as const)('says of a %s that no approval was asked for', action => {
    expect(buildSummary({ ...staged, action })).toContain('Approval: not asked for');
    expect(buildSummary({ ...staged, action, wantsApproval: true })).not.toContain('not asked for');
  });

  it('shows the history of a release', () => {
    const history: Report['history'] = [
      {
        revision: 8,
        outcome: 'switched',
        at: '2026-01-02T03:04:05.000Z',
        run: 'https://github.com/o/r/actions/runs/1',
        actor: 'ann',
        sha: '0123456789',
        role: 'green',
        images: ['tomcat:8', 'proxy:1'],
      },
    ];
    expect(buildSummary({ ...staged, history })).toContain(
      '| 8 | switched | `green` | 2026-01-02T03:04:05.000Z | ann | `0123456` | `tomcat:8`<br>`proxy:1` | https://github.com/o/r/actions/runs/1 |',
    );
  });

  it('keeps what an application answered from becoming markup', () => {
    const hostile = '<img src=x onerror=alert(1)> | ![a](b) `c`\n## d';
    const [check] = staged.checks!;
    const summary = buildSummary({ ...staged, checks: [{ ...check!, verdict: 'fail', detail: hostile }] });
    expect(summary).toContain('&lt;img src=x onerror=alert(1)&gt; \\| !\\[a\\](b) \\`c\\`<br>## d');
    expect(summary).toContain('**fail**');
  });

  it('says of an unchanged run that nothing changed, without an empty table', () => {
    const changes = staged.changes!.map(({ ref }) => ({ ref, change: 'unchanged' as const }));
    expect(buildSummary({ ...staged, changes })).toContain('### Objects\n\n3 objects are unchanged.\n');
  });

  it('stays below 900 KB and shows the sections after a list that is too long', () => {
    const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'n'.repeat(60), name: 'c'.repeat(200) };
    const changes = Array.from({ length: 20_000 }, () => ({ ref, change: 'created' as const }));
    const problems = Array.from({ length: 5_000 }, () => ({ message: '<'.repeat(3_000) }));
    const summary = buildSummary({ ...staged, changes, error: { message: 'x', problems } });
    expect(Buffer.byteLength(summary)).toBeLessThanOrEqual(900_000);
    expect(summary).toContain('…and 4900 more.');
    expect(buildSummary({ ...staged, changes })).toContain('### How to roll back');
  });
});

describe('how to roll back', () => {
  it.each([
    ['web', 'web'],
    ['8080', '"8080"'],
    ['1e3', '"1e3"'],
    ['no', '"no"'],
    ['true', '"true"'],
  ])('names release %s as %s', (release, written) => {
    const summary = buildSummary({ ...staged, rollbackHint: { action: 'rollback', release, namespace: 'shop' } });
    expect(summary).toContain(`  action: rollback\n  release: ${written}\n  namespace: shop\n`);
  });
});

it('does not recommend to promote a staged role that users are on already', () => {
  expect(buildSummary(staged)).toContain('### How to go on');
  expect(buildSummary({ ...staged, activeRole: 'green', stagedRole: 'green' })).not.toContain('### How to go on');
});

it.each([
  [0, '0.0 s'],
  [8_240, '8.2 s'],
  [12_600, '13 s'],
  [59_700, '1 min 0 s'],
  [185_000, '3 min 5 s'],
])('%i milliseconds are shown as %s', (ms, shown) => {
  expect(duration(ms)).toBe(shown);
});
