import { afterEach, describe, expect, it } from '@jest/globals';
import {
  application,
  autoscalerRef,
  closeReleases,
  deploymentRef,
  endOf,
  killAtWrite,
  leaseRef,
  plainManifests,
  refuseWrites,
  releaseAfter,
  replicasIn,
  served,
  serviceRef,
  stateOf,
  traceWrites,
  unfinished,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const withAutoscaler = (version: string) => plainManifests(version, { autoscaler: true });

/** A blue/green release: v1 on blue, kept for a rollback; users are on v2 on green. */
const release = releaseAfter(async web => {
  for (const version of ['v1', 'v2']) {
    await web.stage(withAutoscaler(version));
    await web.promote();
  }
});

describe('x', () => {
  it('traces', async () => {
    const web = await release();
    const trace = traceWrites(web.cluster);
    const outcome = await endOf(web.deploy(withAutoscaler('v3')));
    console.log(
      trace,
      outcome,
      JSON.stringify(stateOf(web.cluster), null, 1),
      web.ctx().log.lines,
      application(web.cluster),
    );
  });
});
