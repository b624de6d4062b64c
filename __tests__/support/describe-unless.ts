import { describe } from '@jest/globals';

/**
 * Describes what needs something that is not everywhere. `missing` says why it cannot be played here; then it is skipped, not
 * left out, so that it counts in the closing line, and the reason is printed. `undefined`: it is played.
 */
export function describeUnless(missing: string | undefined, title: string, play: () => void): void {
  if (missing === undefined) {
    describe(title, play);
    return;
  }
  process.stderr.write(`skipped: ${title}: ${missing}\n`);
  describe.skip(title, play);
}
