import { afterAll, describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import { besideImageCheck } from '../../src/strategies/image-check.js';
import { render } from '../manifests/rendering.js';
import { startRegistry } from '../registry/registry-server.js';
import { listLog } from '../verify/fake-cluster.js';

const starting = startRegistry({ images: ['web:1'] });
afterAll(async () => (await starting).close());

const stepOf = (signal = new AbortController().signal) => ({ environment: {}, signal, log: listLog() });
const pods = async (tag: string) => {
  const { host } = await starting;
  const text = `apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: app, image: "${host}/web:${tag}"}]}\n`;
  return render(text).resources;
};
const check = { demand: 'plausible', logins: [] } as const;

describe('The plan beside the check of the images', () => {
  it('is what comes out when all of them are there', async () => {
    const step = stepOf();
    expect(await besideImageCheck(step, { check, resources: await pods('1') }, () => Promise.resolve('plan'))).toBe(
      'plan',
    );
    expect(step.log.lines).toEqual(['1 image is in the registry']);
  });

  it('does not come out when one is missing', async () => {
    const planned = besideImageCheck(stepOf(), { check, resources: await pods('2') }, () => Promise.resolve('plan'));
    await expect(planned).rejects.toMatchObject({ code: 'image' });
  });

  it('says first what the API server refuses', async () => {
    const refused = new CutoverError('refused', { code: 'rejected-plan' });
    const planned = besideImageCheck(stepOf(), { check, resources: await pods('2') }, () => Promise.reject(refused));
    await expect(planned).rejects.toBe(refused);
  });

  it('is made alone where no check is wanted', async () => {
    const { requests } = await starting;
    const before = requests.length;
    await besideImageCheck(stepOf(), { check: undefined, resources: await pods('2') }, () => Promise.resolve('plan'));
    expect(requests.length).toBe(before);
  });

  it('goes on without a word about images when the run is cancelled', async () => {
    const step = stepOf(AbortSignal.abort());
    expect(await besideImageCheck(step, { check, resources: await pods('2') }, () => Promise.resolve('plan'))).toBe(
      'plan',
    );
    expect(step.log.lines).toEqual([]);
  });
});
