import { afterEach, describe, expect, it } from '@jest/globals';
import type { DeployInputs } from '../../src/inputs/inputs.js';
import { readDocuments } from '../../src/manifests/yaml/documents.js';
import { blueGreen } from '../../src/strategies/blue-green/strategy.js';
import { idle } from '../support/cluster/run-controllers.js';
import { stepOn } from '../support/strategies/context.js';
import { closeReleases, plainManifests, releaseAfter } from '../support/strategies/web-release.js';
import { read } from '../support/step-inputs.js';

afterEach(closeReleases);

/** An application that somebody applied with kubectl. */
const live = releaseAfter(async ({ cluster }) => {
  const metadata = { name: 'web', namespace: 'shop' };
  const labels = { app: 'web' };
  const template = {
    metadata: { labels },
    spec: { containers: [{ name: 'web', image: 'site:v1', ports: [{ containerPort: 8080 }] }] },
  };
  cluster.givenBy(
    'kubectl-client-side-apply',
    {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata },
      spec: { replicas: 2, selector: { matchLabels: labels }, template },
    },
    {
      ...{ apiVersion: 'v1', kind: 'Service', metadata },
      spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
    },
  );
  await idle();
});

describe('the plan of an adoption', () => {
  it('renders the manifests with the number that the staged revision would get, and warns once', async () => {
    const { cluster } = await live();
    const inputs = read({ action: 'plan', manifests: 'k8s', strategy: 'blue-green', lint: 'off' });
    const numbered = `apiVersion: v1
kind: ConfigMap
metadata: {name: "build-$<REVISION>"}
data: {sometimes: "\${UNKNOWN}"}
---
`;
    const ctx = stepOn(cluster);
    const outcome = await blueGreen.plan(ctx, {
      inputs: inputs as DeployInputs<'blue-green'>,
      draft: {
        release: 'web',
        request: {
          manifests: readDocuments([{ file: 'app.yml', text: numbered + plainManifests('v2') }]),
          ...{ builtIns: {}, variables: {}, environment: {}, substitution: 'on', images: [], namespace: 'shop' },
        },
        preStopSeconds: Promise.resolve(undefined),
      },
    });
    expect(outcome.preview?.revision).toBe(2);
    const configs = outcome.preview?.objects.filter(({ ref }) => ref.name.startsWith('build-'));
    expect(configs?.map(({ ref }) => ref.name)).toEqual(['build-2']);
    expect(ctx.log.lines.filter(line => line.includes('rendered'))).toHaveLength(1);
    expect(cluster.writes()).toEqual([]);
  });
});
