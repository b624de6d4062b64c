// The sending thread. It has its own event loop, so that neither tests nor a cluster in the same process delay it.
import { parentPort, workerData } from 'node:worker_threads';
import type { Answer } from './http-answer.js';
import { HttpConnection } from './http-connection.js';
import type { Failure } from './http-connection.js';
import { Pace } from './pace.js';
import type { Outcome, TrafficBatch, TrafficPlan, TrafficRequest } from './batch.js';

/** A pending request. */
interface Pending {
  /** Its number among the requests on their own connections; 0 on a kept-alive connection. */
  readonly number: number;
  readonly line: number | undefined;
  /** The value of `awake` at which it is lost. */
  readonly deadline: number;
  begun: number;
  connection: HttpConnection;
}

/** A kept-alive connection and its replacements. */
interface Line {
  isBusy: boolean;
  connection?: HttpConnection;
}

const plan = workerData as TrafficPlan;
const origin = performance.now();
const own = { request: requestWith('close'), pace: new Pace(plan.perSecond, 0), sent: 0 };
const kept = {
  request: requestWith('keep-alive'),
  pace: new Pace(plan.keptAlive.perSecond, 0),
  lines: Array.from({ length: plan.keptAlive.connections }, (): Line => ({ isBusy: false })),
  sent: 0,
  opened: 0,
  retried: 0,
};
const open = new Set<Pending>();
const waiting = new Set<{ readonly id: number; readonly after: number; left: number }>();
const stop: { id?: number; atMs?: number } = {};
let outcomes: Outcome[] = [];
let connections = 0;
let turns = 0;
let tickedAt = 0;
/** Milliseconds in which this thread ran: a stalled machine must not time requests out. */
let awake = 0;

const timer = setInterval(tick, Math.min(50, Math.max(2, 500 / Math.max(plan.perSecond, plan.keptAlive.perSecond))));
tick();
parentPort?.on('message', ({ id, order }: TrafficRequest) => {
  if (order === 'report') report(id);
  else if (order === 'stop') {
    Object.assign(stop, { id, atMs: clock() });
    endWhenDone();
  } else waiting.add({ id, after: own.sent, left: order.more });
});

function clock(): number {
  return performance.now() - origin;
}

function requestWith(connection: string): string {
  const { path, authority } = plan;
  return `GET ${path} HTTP/1.1\r\nhost: ${authority}\r\naccept: */*\r\nconnection: ${connection}\r\n\r\n`;
}

function tick(): void {
  const now = clock();
  awake += Math.min(now - tickedAt, 100);
  tickedAt = now;
  for (const { deadline, connection } of open) {
    if (deadline > awake) break;
    connection.fail('timeout', `no answer within ${plan.timeoutMs} ms`);
  }
  if (stop.id !== undefined) return;
  for (let due = own.pace.due(now); due > 0; due -= 1) askOnce();
  for (let due = kept.pace.due(now); due > 0; due -= 1) askInTurn();
}

function askOnce(): void {
  own.sent += 1;
  const pending = begin({ number: own.sent, line: undefined }, connect);
  pending.connection.ask(own.request, ending => end(pending, ending));
}

/** A connection sends one request at a time: one with a pending request skips its turn. */
function askInTurn(): void {
  turns += 1;
  const number = turns % kept.lines.length;
  const line = kept.lines[number];
  if (!line || line.isBusy) return;
  line.isBusy = true;
  kept.sent += 1;
  const old = line.connection?.isOpen ? line.connection : undefined;
  const pending = begin({ number: 0, line: number }, () => old ?? connectLine(line));
  pending.connection.ask(kept.request, ending => {
    // The server may close an idle connection while a request is sent on it; every client then retries once.
    if (!old || !('cause' in ending && ending.cause === 'reset' && ending.nothingCame)) {
      end(pending, ending);
      return;
    }
    kept.retried += 1;
    pending.begun = clock();
    pending.connection = connectLine(line);
    pending.connection.ask(kept.request, again => end(pending, again));
  });
}

/** The clock is read before the connection is opened, because opening it decides which pod answers. */
function begin(name: Pick<Pending, 'number' | 'line'>, connection: () => HttpConnection): Pending {
  const begun = clock();
  const pending = { ...name, begun, deadline: awake + plan.timeoutMs, connection: connection() };
  open.add(pending);
  return pending;
}

function connectLine(line: Line): HttpConnection {
  kept.opened += 1;
  return (line.connection = connect());
}

function connect(): HttpConnection {
  const { host, port, rotateSource } = plan;
  connections += 1;
  return new HttpConnection({
    host,
    port,
    ...(rotateSource && { localAddress: `127.0.0.${2 + (connections % 250)}` }),
  });
}

function end(pending: Pending, ending: Answer | Failure): void {
  const { line, begun, number } = pending;
  open.delete(pending);
  outcomes.push({ line, begun, ended: clock(), result: resultOf(ending) });
  const keptLine = line === undefined ? undefined : kept.lines[line];
  if (keptLine) keptLine.isBusy = false;
  for (const waiter of waiting) {
    if (number > waiter.after) waiter.left -= 1;
    if (waiter.left > 0) continue;
    waiting.delete(waiter);
    report(waiter.id);
  }
  if (outcomes.length >= 256) report();
  endWhenDone();
}

function resultOf(ending: Answer | Failure): Outcome['result'] {
  if ('cause' in ending) return { cause: ending.cause, why: ending.why };
  if (ending.status === plan.status) return ending.body;
  return { cause: 'status', why: `status ${ending.status}, not ${plan.status}` };
}

function endWhenDone(): void {
  if (stop.id === undefined || open.size > 0) return;
  clearInterval(timer);
  for (const { connection } of kept.lines) connection?.close();
  report(stop.id);
}

function report(id?: number): void {
  const { sent, opened, retried } = kept;
  const batch: TrafficBatch = {
    id,
    startedAt: performance.timeOrigin + origin,
    elapsedMs: stop.atMs ?? clock(),
    latenessMs: Math.max(own.pace.latenessMs, kept.pace.latenessMs),
    sent: own.sent,
    keptAlive: { sent, opened, retried },
    outcomes,
  };
  outcomes = [];
  parentPort?.postMessage(batch);
}
