import { afterEach, describe, expect, it } from '@jest/globals';
import { closeReleases, plainManifests, served, stateOf, webRelease } from '../support/strategies/web-release.js';

afterEach(closeReleases);

/** Manifests whose names are those of members that every JavaScript object inherits. */
const manifests = (version: string): string =>
  plainManifests(version, { autoscaler: true })
    .replaceAll('app: web', 'app: web, constructor: toString')
    .replaceAll('name: settings', 'name: constructor')
    .replace('ports: [{containerPort', 'envFrom: [{configMapRef: {name: constructor}}], ports: [{containerPort')
    .replace(
      '{name: web, image',
      '{name: constructor, env: [{name: toString, value: a}, {name: __proto__, value: b}], image',
    )
    .replace('data: {version', 'data: {constructor: a, __proto__: b, version');

describe('names that every object inherits', () => {
  it('are names like any other in a rolling release, and where it gets and leaves roles', async () => {
    const release = webRelease();
    await release.deploy(manifests('v1'));
    expect(served(release.cluster)).toEqual(['site:v1', 'site:v1']);
    await release.stage(manifests('v2'));
    await release.promote();
    expect(served(release.cluster)).toEqual(['site:v2', 'site:v2']);
    await release.rollback();
    expect(served(release.cluster)).toEqual(['site:v1', 'site:v1']);
    await release.deploy(manifests('v3'));
    expect(served(release.cluster)).toEqual(['site:v3', 'site:v3']);
    await expect(release.deploy(manifests('v3'))).resolves.toMatchObject({ outcome: 'unchanged' });
    expect(stateOf(release.cluster)).toMatchObject({ strategy: 'rolling' });
  });
});
