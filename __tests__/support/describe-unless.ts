import { describe } from '@jest/globals';

/**
 * Describes tests with a requirement. `missing` is the reason why they cannot run here: they are then skipped, so that they
 * count in the closing line, and the reason is printed. `undefined`: they run.
 */
export function describeUnless(missing: string | undefined, title: string, play: () => void): void {
  if (missing === undefined) {
    describe(title, play);
    return;
  }
  process.stderr.write(`skipped: ${title}: ${missing}\n`);
  describe.skip(title, play);
}
