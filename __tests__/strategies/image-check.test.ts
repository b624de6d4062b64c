import { afterAll, describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import { besideImageCheck } from '../../src/strategies/shared/dry-run-with-images.js';
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
const planned = { planned: [] };
const dryRun = () => Promise.resolve(planned);

describe('the dry run and the image check at the same time', () => {
  it('returns the dry run when all images exist', async () => {
    const step = stepOf();
    expect(await besideImageCheck(step, { check, resources: await pods('1') }, dryRun)).toEqual({ dryRun: planned });
    expect(step.log.lines).toEqual(['1 image is in the registry']);
  });

  it('returns the dry run and the missing images', async () => {
    const answers = await besideImageCheck(stepOf(), { check, resources: await pods('2') }, dryRun);
    expect(answers.dryRun).toBe(planned);
    expect(answers.missing).toMatchObject({ code: 'image' });
  });

  it('fails with the error of the API server when it does not answer', async () => {
    const gone = new CutoverError('gone', { code: 'unreachable' });
    const answers = besideImageCheck(stepOf(), { check, resources: await pods('2') }, () => Promise.reject(gone));
    await expect(answers).rejects.toBe(gone);
  });

  it('asks no registry when no check is requested', async () => {
    const { requests } = await starting;
    const before = requests.length;
    await besideImageCheck(stepOf(), { check: undefined, resources: await pods('2') }, dryRun);
    expect(requests.length).toBe(before);
  });

  it('logs nothing about images when the run is cancelled', async () => {
    const step = stepOf(AbortSignal.abort());
    expect(await besideImageCheck(step, { check, resources: await pods('2') }, dryRun)).toEqual({ dryRun: planned });
    expect(step.log.lines).toEqual([]);
  });
});
