// Measures the request generator: sends to URL for SECONDS (default 30), and prints the counts and the resources used.
// URL [SECONDS] [PER_SECOND] [KEPT_ALIVE_PER_SECOND]
import { startTraffic } from '../__tests__/support/traffic/traffic.js';

const [url = '', seconds = '30', perSecond = '500', keptAlive = '50'] = process.argv.slice(2);
const rate = Number(perSecond);
const traffic = startTraffic({
  url,
  perSecond: rate,
  keptAlive: { connections: 10, perSecond: Number(keptAlive) },
  rotateSource: true,
});
await traffic.more(1);
const before = { cpu: process.cpuUsage(), at: performance.now() };
await traffic.more(rate * Number(seconds));
const { user, system } = process.cpuUsage(before.cpu);
const tookMs = performance.now() - before.at;
const { byVersion, times, timeline, keptAlive: kept, ...counts } = await traffic.stop();
process.stdout.write(`${JSON.stringify({ ...counts, byVersion, kept, times }, undefined, 1)}\n`);
process.stdout.write(
  `timeline: ${timeline
    .map(({ version }) => version)
    .slice(0, 20)
    .join(' | ')}\n`,
);
process.stdout.write(`CPU: ${((user + system) / tookMs / 10).toFixed(1)} % of a core\n`);
