import { field, live, play, users, versionAt } from './demo-context.js';
import type { DemoContext } from './demo-context.js';

const page = { service: 'website', version: /^site (\S+)/ };

/** The inputs of examples/rolling-website/workflow.yml for a run number, with a shorter wait. */
const deploy = (run: number): Readonly<Record<string, string>> => ({
  manifests: 'examples/rolling-website/k8s',
  images: `ghcr.io/your-name/site:${run}`,
  verify: `- http: /\n  contains: site ${run}\n`,
  'stable-for': '1s',
});

/** Chapter 5: a rolling update on a node port that must not change. */
export async function rollingUpdate(demo: DemoContext): Promise<void> {
  const { log } = demo;
  log.section('The other strategy: a rolling update of the website');
  log.line('Run 41 deploys the site, run 42 updates it under load; the image tag is the run number.');
  await play(demo, { title: 'website 41', inputs: deploy(41) });
  const before = await nodePort(demo);
  const visitors = users(demo, page);
  await visitors.more(50);
  const result = await play(demo, { title: 'website 42', inputs: deploy(42) });
  log.check('the outcome is "deployed"', result.outputs.outcome === 'deployed', result.outputs);
  const seen = await versionAt(demo, page, '42');
  log.check('users get run 42', seen === '42', seen);
  log.check('the node port was 31000 and stays 31000', before === 31000 && (await nodePort(demo)) === 31000, before);
  await visitors.more(50);
  const unchanged = await play(demo, { title: 'website 42 again', inputs: deploy(42) });
  log.check('the same deploy again changes nothing', unchanged.outputs.outcome === 'unchanged', unchanged.outputs);
  // Also on a slow machine, the number of requests must prove something.
  const missing = 2000 - (await log.total()).sent;
  if (missing > 0) await visitors.more(missing);
  const { timeline, byVersion } = await visitors.stop();
  log.check('users ended on run 42', timeline.at(-1)?.version === '42', byVersion);
  await log.tally();
}

async function nodePort(demo: DemoContext): Promise<unknown> {
  return field(await live(demo, { kind: 'Service', name: page.service }), 'spec', 'ports', 0, 'nodePort');
}
