import { describe, expect, it } from '@jest/globals';
import { newReplicaSet, sameTemplate, templateHashOf } from '../../src/kubernetes/pods/pod-template.js';
import { deployment, replicaSet, template } from '../support/objects.js';

describe('the new ReplicaSet', () => {
  it('is the one with the Deployment’s own template, whatever hash it carries', () => {
    const found = newReplicaSet(deployment({ tag: 'v2' }), [replicaSet('v1', 'h1'), replicaSet('v2', 'h2')]);
    expect(found && templateHashOf(found)).toBe('h2');
  });

  it('belongs to this very Deployment, not to an earlier one of the same name', () => {
    expect(newReplicaSet(deployment(), [replicaSet('v1', 'h1', 'another-uid')])).toBeUndefined();
  });

  it('is not there yet while only old ones are', () => {
    expect(newReplicaSet(deployment({ tag: 'v2' }), [replicaSet('v1', 'h1')])).toBeUndefined();
  });
});

describe('two templates', () => {
  it.each([
    ['are the same except for the hash', template('v1'), template('v1', 'h1'), true],
    [
      'are the same except for an empty creationTimestamp',
      template('v1'),
      { ...template('v1'), metadata: { labels: { app: 'web' }, creationTimestamp: null } },
      true,
    ],
    ['differ in an image', template('v1'), template('v2'), false],
    [
      'differ in an annotation',
      template('v1'),
      { ...template('v1'), metadata: { labels: { app: 'web' }, annotations: { a: 'b' } } },
      false,
    ],
  ])('%s', (...[, one, other, same]) => {
    expect(sameTemplate(one, other)).toBe(same);
  });
});
