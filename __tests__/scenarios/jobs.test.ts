import { afterAll, describe, expect } from '@jest/globals';
import { site, tomcat } from '../support/scenario/applications.js';
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

  scenario('that its TTL has deleted is not run again, and a rollback goes back to what differs', cluster, async ns => {
    await site.bring(ns);
    const withTtl = job(ns, 'ok').replace('spec:', 'spec:\n  ttlSecondsAfterFinished: 0');
    const deploy = async (version: string, tag: string) => {
      await ns.write({ 'job.yml': withTtl.replace(':ok', `:${tag}`) });
      const result = await ns.given(site.deploy(version, { manifests: 'site.yml\njob.yml' }), { as });
      await ns.until('the Job is deleted', async () => (await ns.get('Job', 'migrate')) === undefined);
      return result;
    };
    await deploy('v1', 'ok');
    await deploy('v2', 'ok');
    const before = await ns.versions();
    const again = await deploy('v2', 'ok');
    expect(again.outputs).toMatchObject({ outcome: 'unchanged', revision: '2' });
    expect(again.log).toMatch(/Job \S+\/migrate: not run again/);
    expect(await ns.versions()).toEqual(before);
    expect((await deploy('v2', 'second')).outputs).toMatchObject({ outcome: 'deployed', revision: '3' });
    const back = await ns.step(site.rollback(), { as });
    expect(back).toMatchObject({ exitCode: 0, outputs: { outcome: 'rolled-back', revision: '1' } });
    expect(back.log).toMatch(/Revision 2 equals revision 3[^]*site:v2" → "\S+site:v1"/);
    expect(await site.version(ns)).toBe('v1');
    expect(await ns.get('Job', 'migrate')).toBeUndefined();
  });

  scenario(
    'of a role that its TTL has deleted since it was staged does not hinder the promotion',
    cluster,
    async ns => {
      await tomcat.bring(ns);
      const withTtl = job(ns, 'ok', 'migrate-${TARGET_ROLE}').replace('spec:', 'spec:\n  ttlSecondsAfterFinished: 0');
      await ns.write({ 'k8s/job.yml': withTtl });
      await ns.given(tomcat.deploy('7'), { as });
      await ns.until('the Job is deleted', async () => (await ns.list('Job')).length === 0);
      const before = await ns.versions();
      expect(await ns.step(tomcat.deploy('7'), { as })).toMatchObject({ exitCode: 0, outputs: { outcome: 'staged' } });
      expect(await ns.versions()).toEqual(before);
      expect(await ns.step(tomcat.promote(), { as })).toMatchObject({ exitCode: 0, outputs: { outcome: 'switched' } });
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
