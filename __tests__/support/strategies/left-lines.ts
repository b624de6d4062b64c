import { stateOf, type WebRelease } from './web-release.js';

/** How a line begins that names what left the manifests. */
export const leftLine = 'No longer among the manifests, but still live';

/** These lines of the last step. */
export const leftLines = ({ ctx }: WebRelease): readonly string[] =>
  ctx().log.lines.filter(line => line.startsWith(leftLine));

/** The names of what is on record as left. */
export const leftOnRecord = ({ cluster }: WebRelease): readonly string[] =>
  (stateOf(cluster)?.left ?? []).map(ref => ref.name);
