import type { IncomingMessage, ServerResponse } from 'node:http';
import { parseSeconds } from '../pods/duration.js';
import type { FailureTag, ImageTag } from './image-tag.js';
import type { Program, ProgramProcess } from '../pods/process.js';

/** Environment that a failing image sets; the container's own variables override it. */
const failingEnvironments: Readonly<Partial<Record<FailureTag, Readonly<Record<string, string>>>>> = {
  broken: { CRASH_AFTER: '0s' },
  'never-ready': { READY_AFTER: 'never' },
  slow: { READY_AFTER: '8s' },
  http500: { STATUS: '500' },
};

/** `stop`: ends and cuts requests in flight. `drain`: answers those first. `ignore`: serves until SIGKILL. */
type OnTerm = 'stop' | 'drain' | 'ignore';
const reactions: readonly string[] = ['stop', 'drain', 'ignore'] satisfies OnTerm[];

interface Settings {
  readonly version: string;
  readonly port: number;
  /** Undefined: never. */
  readonly readyAfter: number | undefined;
  readonly grace: number;
  readonly onTerm: OnTerm;
  /** Between the first and the last part of the answer of `/`. */
  readonly delay: number;
  /** Port of the same pod that answers `/`. Undefined: this process does. */
  readonly upstream: number | undefined;
  readonly crashAfter: number | undefined;
  readonly status: number;
  readonly failRate: number;
}

/** A web site that answers with its version. Its environment sets when it is ready and how it fails. */
export function siteProgram({ version, failure }: ImageTag): Program {
  const name = failure === undefined || version === failure ? version : `${version}-${failure}`;
  const image = { VERSION: name, ...(failure === undefined ? {} : failingEnvironments[failure]) };
  return async process => {
    const settings = readSettings({ ...image, ...nonEmpty(process.env) });
    if (typeof settings === 'string') {
      process.log(settings);
      process.exit(1);
      return;
    }
    const { crashAfter, readyAfter, port } = settings;
    const title = `site ${settings.version}`;
    const crash = () => {
      process.log(`${title} crashes, as set by CRASH_AFTER=${crashAfter ?? 0}s`);
      process.exit(1);
    };
    if (crashAfter === 0) {
      crash();
      return;
    }
    if (crashAfter !== undefined) process.after(crashAfter, crash);

    const state = { ready: readyAfter === 0 };
    if (readyAfter !== undefined && readyAfter > 0) process.after(readyAfter, () => (state.ready = true));
    process.onTerminate(() => {
      state.ready = settings.onTerm === 'ignore' && state.ready;
      terminate(process, settings, title);
    });
    process.log(`${title} listens on :${port}`);
    await process.listen(port, (request, response) => {
      const answer = () => void respond({ process, settings, ready: state.ready }, request, response);
      const [, seconds] = slowPath.exec(request.url ?? '') ?? [];
      if (seconds === undefined) answer();
      else process.after(Number(seconds), answer);
    });
  };
}

/** Answers as `/` does, after this number of seconds. */
const slowPath = /^\/slow\/(\d{1,4})$/;

interface Responder {
  readonly process: ProgramProcess;
  readonly settings: Settings;
  readonly ready: boolean;
}

async function respond(responder: Responder, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { process, settings, ready } = responder;
  const { delay, upstream } = settings;
  const isPage = pathOf(request) === '/';
  const [status, text] =
    isPage && upstream !== undefined ? await passOn(process, upstream) : answerTo(request, settings, ready);
  const headers = { 'Content-Type': 'text/plain; charset=utf-8', 'X-Pod': process.hostname };
  response.writeHead(status, headers);
  if (!isPage || delay === 0) {
    response.end(`${text}\n`);
    return;
  }
  // The first part is under way, so that no client takes a cut connection for one that was idle.
  response.write(text);
  process.after(delay, () => response.end('\n'));
}

async function passOn(process: ProgramProcess, port: number): Promise<readonly [number, string]> {
  const answer = await process.ask(port, '/');
  return answer === undefined ? [502, `nothing answers on :${port}`] : [answer.status, answer.text.trim()];
}

function terminate(process: ProgramProcess, { onTerm, grace }: Settings, title: string): void {
  switch (onTerm) {
    case 'ignore':
      process.log(`${title} got terminated, and ignores it`);
      return;
    case 'drain':
      process.log(`${title} got terminated, answers what it was asked`);
      void process.drain().then(() => process.exit(0));
      return;
    case 'stop':
      process.log(`${title} got terminated, serves for ${grace}s more`);
      stopAfter(process, grace);
  }
}

/** Without grace the process exits at once; otherwise it keeps serving and then answers pending requests. */
export function stopAfter(process: ProgramProcess, grace: number): void {
  if (grace === 0) {
    process.exit(0);
    return;
  }
  process.after(grace, () => {
    void process.drain().then(() => process.exit(0));
  });
}

/** Status and text of the answer. */
function answerTo(request: IncomingMessage, settings: Settings, ready: boolean): readonly [number, string] {
  const { version } = settings;
  if (request.method !== 'GET' && request.method !== 'HEAD') return [405, 'Method Not Allowed'];
  switch (pathOf(request)) {
    case '/':
      return Math.random() < settings.failRate ? [500, `site ${version} fails`] : [settings.status, `site ${version}`];
    case '/version':
      return [200, version];
    case '/healthz':
      return [200, 'ok'];
    case '/readyz':
      return ready ? [200, 'ready'] : [503, 'not ready'];
    case '/echo-headers':
      return [200, headerLines(request).join('\n')];
    default:
      return [404, '404 page not found'];
  }
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').replace(/\?.*/, '').replace(slowPath, '/');
}

function headerLines(request: IncomingMessage): readonly string[] {
  const { host = '', ...headers } = request.headers;
  const others = Object.entries(headers).map(([name, value]) => `${name}: ${String(value)}`);
  return [`Host: ${host}`, ...others.sort()];
}

/** A string is the error of an invalid environment. */
function readSettings(env: Readonly<Record<string, string>>): Settings | string {
  const wrong = ['READY_AFTER', 'GRACE', 'CRASH_AFTER', 'DELAY'].find(name => {
    const text = env[name];
    return text !== undefined && !(name === 'READY_AFTER' && text === 'never') && parseSeconds(text) === undefined;
  });
  if (wrong !== undefined) return `${wrong}: invalid duration "${env[wrong] ?? ''}"`;
  const wrongNumber = ['PORT', 'STATUS', 'FAIL_RATE', 'UPSTREAM'].find(name => Number.isNaN(Number(env[name] ?? 0)));
  if (wrongNumber !== undefined) return `${wrongNumber}: "${env[wrongNumber] ?? ''}" is not a number`;
  const onTerm = env['ON_TERM'] ?? 'stop';
  if (!isReaction(onTerm)) return `ON_TERM: "${onTerm}" is none of ${reactions.join(', ')}`;
  return {
    version: env['VERSION'] ?? 'dev',
    port: Number(env['PORT'] ?? 8080),
    readyAfter: env['READY_AFTER'] === 'never' ? undefined : parseSeconds(env['READY_AFTER'] ?? '0'),
    grace: parseSeconds(env['GRACE'] ?? '0') ?? 0,
    onTerm,
    delay: parseSeconds(env['DELAY'] ?? '0') ?? 0,
    upstream: env['UPSTREAM'] === undefined ? undefined : Number(env['UPSTREAM']),
    crashAfter: env['CRASH_AFTER'] === undefined ? undefined : parseSeconds(env['CRASH_AFTER']),
    status: Number(env['STATUS'] ?? 200),
    failRate: Number(env['FAIL_RATE'] ?? 0),
  };
}

function isReaction(text: string): text is OnTerm {
  return reactions.includes(text);
}

/** An empty variable counts as unset. */
function nonEmpty(env: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
}
