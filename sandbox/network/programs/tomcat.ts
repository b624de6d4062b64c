import { parseSeconds } from '../pods/duration.js';
import type { FailureTag, ImageTag } from './image-tag.js';
import type { Program } from '../pods/process.js';
import { stopAfter } from './site.js';

const releases: Readonly<Record<string, string>> = { '7': '7.0.109', '8': '8.5.100', '9': '9.0.98' };
const SLOW_SECONDS = 8;

/** A Tomcat on port 8080 whose start page shows its version. */
export function tomcatProgram({ version, failure }: ImageTag): Program {
  const full = failure === 'wrong' ? '7.0.109' : fullVersion(version);
  return async process => {
    process.log(`Server version name:   Apache Tomcat/${full}`);
    if (failure === 'broken') {
      process.log('SEVERE [main] Catalina cannot start: conf/server.xml is not well-formed at line 22');
      process.exit(1);
      return;
    }
    const state = { ready: failure !== 'slow' && failure !== 'never-ready' };
    if (failure === 'slow') process.after(SLOW_SECONDS, () => (state.ready = true));
    process.onTerminate(() => {
      process.log('INFO [Thread-1] Stopping service [Catalina]');
      stopAfter(process, parseSeconds(process.env['GRACE'] ?? '0') ?? 0);
    });
    process.log('INFO [main] Starting ProtocolHandler ["http-nio-8080"]');
    await process.listen(8080, (request, response) => {
      const path = (request.url ?? '/').replace(/\?.*/, '');
      const failing = fails(failure, request.headers['user-agent']);
      const [status, title] = answerTo(path, { ready: state.ready, failing, full });
      const headers = { 'Content-Type': 'text/html;charset=UTF-8', 'X-Pod': process.hostname };
      response.writeHead(status, headers).end(pageOf(title));
    });
  };
}

/** Status and title of the answer. */
function answerTo(
  path: string,
  state: { readonly ready: boolean; readonly failing: boolean; readonly full: string },
): readonly [number, string] {
  if (!state.ready) return [503, 'HTTP Status 503 – Service Unavailable'];
  if (path !== '/') return [404, 'HTTP Status 404 – Not Found'];
  if (state.failing) return [500, 'HTTP Status 500 – Internal Server Error'];
  return [200, `Apache Tomcat/${state.full}`];
}

function pageOf(title: string): string {
  return `<!DOCTYPE html>\n<html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>\n`;
}

/** `9` and `9-jdk21` are the newest 9; anything else is the version itself. */
function fullVersion(version: string): string {
  const [major = ''] = version.split('-');
  return releases[major] ?? version;
}

/** The kubelet's probes still pass, so that the pod becomes ready and only a check of the page fails. */
function fails(failure: FailureTag | undefined, userAgent: string | undefined): boolean {
  return failure === 'http500' && userAgent?.startsWith('kube-probe/') !== true;
}
