// Jest's order of the suites. In a clean checkout jest knows no durations, and a slow suite that begins last keeps one core idle.
import Sequencer from '@jest/test-sequencer';

/** Suites that take minutes, the slowest first. */
const slow = [
  ...['kill-adoption', 'kill-blue-green', 'kill-ways-back', 'kill-rolling', 'switch', 'update'].map(
    name => `matrix/${name}`,
  ),
  ...['fence', 'lock', 'least-privilege', 'interrupted', 'adoption-disturbed'].map(name => `scenarios/${name}`),
];

export default class SlowSuitesFirst extends Sequencer {
  sort(tests) {
    const place = ({ path }) => {
      const index = slow.findIndex(name => path.endsWith(`/${name}.test.ts`));
      return index === -1 ? slow.length : index;
    };
    return [...super.sort(tests)].sort((one, other) => place(one) - place(other));
  }
}
