import type { HttpCheck } from '../inputs/checks/http.js';
import type { Check } from '../inputs/inputs.js';
import type { Log } from '../log.js';
import type { RecordedCheck } from '../release/recorded-revision.js';
import { httpCheckName } from './http-check.js';
import { runCheckName } from './run-check.js';

/**
 * The checks as they are recorded with a revision: `http` checks of a path as they are, of every other one only its name. What a
 * command does, and what a URL holds, is never on record.
 */
export function checksToRecord(checks: readonly Check[]): readonly RecordedCheck[] {
  return checks.map(check => {
    if (check.kind === 'http' && isPath(check.target)) return withoutUrl(check);
    const name = check.kind === 'http' ? httpCheckName(check) : runCheckName(check);
    return { kind: 'other', name, when: check.when };
  });
}

/**
 * The recorded checks that a step without the input `verify` may run. Whoever may write the record could have written them, so
 * they are only requests with GET or HEAD for a path, which go to the release's own pods and Services. Every other one is
 * skipped with a line in the log.
 */
export function recordedChecks(checks: readonly RecordedCheck[], log: Log): readonly Check[] {
  return checks.flatMap(check => {
    if (check.kind === 'http' && isPath(check.target)) return [withoutUrl(check)];
    const name = check.kind === 'http' ? httpCheckName(check) : check.name;
    log.info(
      `skipped: ${name}: commands and URLs of a recorded check are not run. To run it, set \`verify\` in this step`,
    );
    return [];
  });
}

/** The record never decides which host is asked. */
function withoutUrl({ url: _url, ...check }: HttpCheck): HttpCheck {
  return check;
}

/**
 * Whether a request for the path gets to the pod or Service: it begins with no host, and no part of it leads up, also not if it is
 * decoded.
 */
function isPath(target: string): boolean {
  if (!/^\/(?!\/)/.test(target) || /[\\\s\p{Cc}#]/u.test(target)) return false;
  const [path = ''] = target.split('?');
  return !path.split('/').some(part => /^(\.|%2e){1,2}$/i.test(part) || /%(2f|5c|25)/i.test(part));
}
