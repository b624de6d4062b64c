import { afterAll, describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import { besideImageCheck } from '../../src/strategies/shared/image-check.js';
import { render } from '../support/rendering.js';
import { startRegistry } from '../support/registry-server.js';
import { listLog } from '../support/log.js';

const starting = startRegistry({ images: ['web:1'] });
afterAll(async () => (await starting).close());

const stepOf = (signal = new AbortController().signal) => ({ environment: {}, signal, log: listLog() });
const pods = async (tag: string) => {
  const { host } = await starting;
  const text = `apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: app, image: "${host}/web:${tag}"}]}\n`;
  return render(text).resources;
};
const check = { demand: 'plausible', logins: [] } as const;
const survey = { planned: [] };
const surveyed = () => Promise.resolve(survey);

describe('The plan beside the check of the images', () => {
  it('is what comes out when all of them are there', async () => {
    const step = stepOf();
    expect(await besideImageCheck(step, { check, resources: await pods('1') }, surveyed)).toEqual({ survey });
    expect(step.log.lines).toEqual(['1 image is in the registry']);
  });

  it('comes out with what is missing', async () => {
    const answers = await besideImageCheck(stepOf(), { check, resources: await pods('2') }, surveyed);
    expect(answers.survey).toBe(survey);
    expect(answers.missing).toMatchObject({ code: 'image' });
  });

  it('ends with the API server that does not answer', async () => {
    const gone = new CutoverError('gone', { code: 'unreachable' });
    const planned = besideImageCheck(stepOf(), { check, resources: await pods('2') }, () => Promise.reject(gone));
    await expect(planned).rejects.toBe(gone);
  });

  it('is made alone where no check is wanted', async () => {
    const { requests } = await starting;
    const before = requests.length;
    await besideImageCheck(stepOf(), { check: undefined, resources: await pods('2') }, surveyed);
    expect(requests.length).toBe(before);
  });

  it('goes on without a word about images when the run is cancelled', async () => {
    const step = stepOf(AbortSignal.abort());
    expect(await besideImageCheck(step, { check, resources: await pods('2') }, surveyed)).toEqual({ survey });
    expect(step.log.lines).toEqual([]);
  });
});
