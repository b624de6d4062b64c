import { field, live, play, users, versionAt } from './stage.js';
import type { Stage } from './stage.js';

const page = { service: 'website', version: /^site (\S+)/ };

/** The inputs of examples/rolling-website/workflow.yml for a run number, with a shorter wait. */
const deploy = (run: number): Readonly<Record<string, string>> => ({
  manifests: 'examples/rolling-website/k8s',
  images: `ghcr.io/your-name/site:${run}`,
  verify: `- http: /\n  contains: site ${run}\n`,
  'stable-for': '1s',
});

/** Chapter 5: pod by pod, on a node port that must not move. */
export async function rollingUpdate(stage: Stage): Promise<void> {
  const { story } = stage;
  story.chapter('Another way: the website, pod by pod');
  story.say('Run 41 brings the site up, run 42 replaces it under load; the image tag is the run number.');
  await play(stage, { title: 'website 41', inputs: deploy(41) });
  const before = await nodePort(stage);
  const visitors = users(stage, page);
  await visitors.more(50);
  const result = await play(stage, { title: 'website 42', inputs: deploy(42) });
  story.check('the outcome is "deployed"', result.outputs.outcome === 'deployed', result.outputs);
  const seen = await versionAt(stage, page, '42');
  story.check('users get run 42', seen === '42', seen);
  story.check('the node port was 31000 and stays 31000', before === 31000 && (await nodePort(stage)) === 31000, before);
  await visitors.more(50);
  const unchanged = await play(stage, { title: 'website 42 again', inputs: deploy(42) });
  story.check('the same again changes nothing', unchanged.outputs.outcome === 'unchanged', unchanged.outputs);
  // Whatever the machine's pace, the count must be worth something.
  const missing = 2000 - (await story.total()).sent;
  if (missing > 0) await visitors.more(missing);
  const { timeline, byVersion } = await visitors.stop();
  story.check('users ended on run 42', timeline.at(-1)?.version === '42', byVersion);
  await story.tally();
}

async function nodePort(stage: Stage): Promise<unknown> {
  return field(await live(stage, { kind: 'Service', name: page.service }), 'spec', 'ports', 0, 'nodePort');
}
