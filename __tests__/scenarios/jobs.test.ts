import { afterAll, describe, expect } from '@jest/globals';
import { tomcat } from '../support/scenario/applications.js';
import { startCluster } from '../support/scenario/cluster.js';
import { field } from '../support/field.js';
import { scenario } from '../support/scenario/scenario.js';
import { expectRefused } from '../support/scenario/expectations.js';
import { type TestNamespace } from '../support/scenario/test-namespace.js';
import type { Rule } from '../support/scenario/rights.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

/** The rules for Jobs, which docs/rbac.md adds only for applications that have Jobs. */
const as: readonly Rule[] = [
  {
    apiGroups: ['batch'],
    resources: ['jobs'],
    verbs: ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'],
  },
];

const job = ({ cluster: { images } }: TestNamespace, tag: string, name = 'migrate'): string => `apiVersion: batch/v1
kind: Job
metadata: {name: "${name}"}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: task, image: "${images.task}:${tag}"}]
`;

const inputs = { manifests: 'job.yml', release: 'tasks', 'stable-for': '100ms' };

const uidOf = async (ns: TestNamespace): Promise<string | undefined> => (await ns.get('Job', 'migrate'))?.metadata.uid;

describe('A Job', () => {
  scenario('that changes is recreated and waited for, and not run again while it is unchanged', cluster, async ns => {
    await ns.write({ 'job.yml': job(ns, 'ok') });
    await ns.given(inputs, { as });
    const first = await uidOf(ns);
    expect(await ns.step(inputs, { as })).toMatchObject({ outputs: { outcome: 'unchanged' } });
    expect(await uidOf(ns)).toBe(first);
    await ns.write({ 'job.yml': job(ns, 'second') });
    const again = await ns.step(inputs, { as });
    expect(again).toMatchObject({ exitCode: 0, outputs: { outcome: 'deployed' } });
    expect(JSON.parse(again.outputs.changes ?? '')).toMatchObject([{ kind: 'Job', change: 'recreated' }]);
    const second = await ns.get('Job', 'migrate');
    expect(second?.metadata.uid).not.toBe(first);
    expect(field(second, 'status', 'succeeded')).toBe(1);
    expect(field(second, 'spec', 'template', 'spec', 'containers', 0, 'image')).toMatch(/:second$/);
  });

  scenario('that changes is refused with `recreate: none`, before anything is written', cluster, async ns => {
    await ns.write({ 'job.yml': job(ns, 'ok') });
    await ns.given(inputs, { as });
    const before = await ns.versions();
    await ns.write({ 'job.yml': job(ns, 'second') });
    const refused = await ns.step({ ...inputs, recreate: 'none' }, { as });
    expectRefused(refused, /field is immutable[\s\S]*`recreate: jobs`/);
    expect(await ns.versions()).toEqual(before);
  });

  scenario(
    'that fails after it was recreated stays for inspection, and the one before is not run again',
    cluster,
    async ns => {
      await ns.write({ 'job.yml': job(ns, 'ok') });
      await ns.given(inputs, { as });
      const first = await uidOf(ns);
      await ns.write({ 'job.yml': job(ns, 'fail') });
      const failed = await ns.step(inputs, { as });
      expectRefused(failed, /Job \S+\/migrate/);
      expect(failed.log).toMatch(/Job \S+\/migrate is not restored/);
      const left = await ns.get('Job', 'migrate');
      expect(left?.metadata.uid).not.toBe(first);
      expect(field(left, 'status', 'failed')).toBe(1);
      // The next one is recreated in turn.
      await ns.write({ 'job.yml': job(ns, 'third') });
      expect(await ns.step(inputs, { as })).toMatchObject({ exitCode: 0, outputs: { outcome: 'deployed' } });
    },
  );

  scenario('of each role is recreated when its role is staged again', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.write({ 'k8s/job.yml': job(ns, '${TOMCAT_VERSION}', 'migrate-${TARGET_ROLE}') });
    for (const version of ['7', '8', '7', '8']) {
      await ns.given(tomcat.release(version), { as });
    }
    const result = await ns.step(tomcat.deploy('9'), { as });
    expect(result).toMatchObject({ exitCode: 0, outputs: { outcome: 'staged' } });
    expect(JSON.parse(result.outputs.changes ?? '')).toContainEqual(
      expect.objectContaining({ kind: 'Job', change: 'recreated' }),
    );
    const jobs = await ns.list('Job');
    const images = jobs.map(one => field(one, 'spec', 'template', 'spec', 'containers', 0, 'image'));
    expect(images.map(image => String(image).split(':').at(-1)).sort()).toEqual(['8', '9']);
  });
});
