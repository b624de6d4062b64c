import { describe, expect, it } from '@jest/globals';
import { problems, read } from '../support/step-inputs.js';

const rolling = { manifests: 'k8s' };

describe('replicas, max-surge and max-unavailable', () => {
  it('are numbers of pods or percentages, and absent if omitted', () => {
    const inputs = { ...rolling, replicas: '0', 'max-surge': '150%', 'max-unavailable': '0' };
    expect(read(inputs)).toMatchObject({ overrides: { replicas: 0, maxSurge: '150%', maxUnavailable: 0 } });
    expect(read({ ...rolling, 'max-surge': '2' })).toMatchObject({ overrides: { maxSurge: 2 } });
    expect(read(rolling)).not.toHaveProperty('overrides');
  });

  it.each([
    [{ replicas: '-1' }, 'replicas: received "-1", accepted: a whole number, from 0 to 2147483647'],
    [{ replicas: '50%' }, 'replicas: received "50%", accepted: a whole number, from 0 to 2147483647'],
    [
      { 'max-surge': '1.5' },
      'max-surge: received "1.5", accepted: a whole number of pods, 0 or more, or a percentage such as 25%',
    ],
    [
      { 'max-unavailable': '101%' },
      'max-unavailable: received "101%", accepted: a whole number of pods, 0 or more, or a percentage of at most 100%',
    ],
    [
      { 'max-surge': '0%', 'max-unavailable': '0' },
      'max-surge: received "0%", but "max-unavailable" is 0 too, so no pod could ever be replaced',
    ],
  ])('%j is refused', (inputs, line) => {
    expect(problems({ ...rolling, ...inputs })).toEqual([line]);
  });
});
