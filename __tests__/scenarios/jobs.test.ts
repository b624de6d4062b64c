import { afterAll, describe, expect } from '@jest/globals';
import { tomcat } from './applications.js';
import { startCluster } from './cluster.js';
import { field } from './field.js';
import { expectRefused, scenario, type Place } from './place.js';
import type { Rule } from './rights.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

/** For Jobs, which docs/rbac.md leaves to applications that have them. */
const as: readonly Rule[] = [
  {
    apiGroups: ['batch'],
    resources: ['jobs'],
    verbs: ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'],
  },
];

const job = ({ cluster: { images } }: Place, tag: string, name = 'migrate'): string => `apiVersion: batch/v1
kind: Job
metadata: {name: "${name}"}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: task, image: "${images.task}:${tag}"}]
`;

const inputs = { manifests: 'job.yml', release: 'tasks', steady: '100ms' };

const uidOf = async (place: Place): Promise<string | undefined> => (await place.get('Job', 'migrate'))?.metadata.uid;

describe('A Job', () => {
  scenario('that changes is made anew and waited for, and not run again while it is the same', cluster, async place => {
    await place.write({ 'job.yml': job(place, 'ok') });
    await place.given(inputs, { as });
    const first = await uidOf(place);
    expect(await place.step(inputs, { as })).toMatchObject({ outputs: { outcome: 'unchanged' } });
    expect(await uidOf(place)).toBe(first);
    await place.write({ 'job.yml': job(place, 'second') });
    const again = await place.step(inputs, { as });
    expect(again).toMatchObject({ exitCode: 0, outputs: { outcome: 'deployed' } });
    expect(JSON.parse(again.outputs.changes ?? '')).toMatchObject([{ kind: 'Job', change: 'recreated' }]);
    const second = await place.get('Job', 'migrate');
    expect(second?.metadata.uid).not.toBe(first);
    expect(field(second, 'status', 'succeeded')).toBe(1);
    expect(field(second, 'spec', 'template', 'spec', 'containers', 0, 'image')).toMatch(/:second$/);
  });

  scenario('that changes is refused with `recreate: none`, before anything is written', cluster, async place => {
    await place.write({ 'job.yml': job(place, 'ok') });
    await place.given(inputs, { as });
    const before = await place.versions();
    await place.write({ 'job.yml': job(place, 'second') });
    const refused = await place.step({ ...inputs, recreate: 'none' }, { as });
    expectRefused(refused, /field is immutable[\s\S]*`recreate: jobs`/);
    expect(await place.versions()).toEqual(before);
  });

  scenario(
    'that fails after it was made anew stays for a look, and the one before is not run again',
    cluster,
    async place => {
      await place.write({ 'job.yml': job(place, 'ok') });
      await place.given(inputs, { as });
      const first = await uidOf(place);
      await place.write({ 'job.yml': job(place, 'fail') });
      const failed = await place.step(inputs, { as });
      expectRefused(failed, /Job \S+\/migrate/);
      expect(failed.log).toMatch(/Job \S+\/migrate stays as this step made it/);
      const left = await place.get('Job', 'migrate');
      expect(left?.metadata.uid).not.toBe(first);
      expect(field(left, 'status', 'failed')).toBe(1);
      // And the next one is made anew in its turn.
      await place.write({ 'job.yml': job(place, 'third') });
      expect(await place.step(inputs, { as })).toMatchObject({ exitCode: 0, outputs: { outcome: 'deployed' } });
    },
  );

  scenario('of each role is made anew when its role is staged again', cluster, async place => {
    await tomcat.bring(place);
    await place.write({ 'k8s/job.yml': job(place, '${TOMCAT_VERSION}', 'migrate-${TARGET_ROLE}') });
    for (const version of ['7', '8', '7', '8']) {
      await place.given(tomcat.release(version), { as });
    }
    const result = await place.step(tomcat.deploy('9'), { as });
    expect(result).toMatchObject({ exitCode: 0, outputs: { outcome: 'staged' } });
    expect(JSON.parse(result.outputs.changes ?? '')).toContainEqual(
      expect.objectContaining({ kind: 'Job', change: 'recreated' }),
    );
    const jobs = await place.list('Job');
    const images = jobs.map(one => field(one, 'spec', 'template', 'spec', 'containers', 0, 'image'));
    expect(images.map(image => String(image).split(':').at(-1)).sort()).toEqual(['8', '9']);
  });
});
