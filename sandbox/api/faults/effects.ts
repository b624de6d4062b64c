import type { ServerResponse } from 'node:http';
import type { Fault, SeenCall } from '../../sandbox.js';
import { denied, type Access, type User } from '../access/rbac.js';
import { sendReply } from '../http/reply.js';
import { refusal, timedOut } from '../http/status.js';

/** A fault of one kind. */
type FaultThat<Does extends Fault['do']> = Extract<Fault, { do: Does }>;

/** Waits, at most until the client disconnects. */
export function pause(ms: number, response: ServerResponse): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(done, ms);
    response.once('close', done);
  });
}

/** One request that a fault hits. */
export interface Hit {
  readonly call: SeenCall;
  readonly response: ServerResponse;
  /** Milliseconds until the server gives the request up. */
  readonly timeoutMs: number;
}

/**
 * Waits until the fault lets the request go on. False: its client has disconnected, and the request is dropped. Throws 504
 * after its timeout.
 */
export async function hold(
  { until, withoutClient = 'drop' }: FaultThat<'hold'>,
  { call, response, timeoutMs }: Hit,
): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<boolean>((resolve, reject) => {
      timer = setTimeout(() => reject(timedOut()), timeoutMs);
      // Nobody may let the request go on before the server closes.
      timer.unref();
      if (withoutClient === 'drop') {
        if (response.destroyed) resolve(false);
        response.once('close', () => resolve(false));
      }
      until(call).then(() => resolve(true), reject);
    });
  } finally {
    clearTimeout(timer);
  }
}

/** Answers with the status of the fault. */
export function sendStatus(
  response: ServerResponse,
  fault: FaultThat<'status'>,
  asked: { readonly user: User; readonly access: Access },
): void {
  const { status, reason, message, headers } = fault;
  const built =
    status === 403 && message === undefined
      ? denied(asked.user, asked.access)
      : refusal(status, reason ?? '', { message: message ?? `injected status ${status}` });
  sendReply(response, { status, body: built.status, ...(headers === undefined ? {} : { headers }) });
}

/** Lets the answers of a request leave late: by a time, or when the test lets them go. */
export function delayAnswer(fault: FaultThat<'delay' | 'hold'>, { call, response }: Hit): void {
  const writeHead = response.writeHead.bind(response);
  const end = response.end.bind(response);
  let head: readonly unknown[] = [];
  response.writeHead = (...sent: readonly unknown[]) => {
    if ('date' in fault && fault.date === 'work') response.setHeader('date', new Date().toUTCString());
    head = sent;
    return response;
  };
  response.end = (...sent: readonly unknown[]) => {
    const passes = fault.do === 'delay' ? pause(fault.ms, response) : fault.until(call);
    void passes.then(() => {
      Reflect.apply(writeHead, undefined, head);
      Reflect.apply(end, undefined, sent);
    });
    return response;
  };
}

/** The work is done, but its answer never arrives; a watch is cut in the middle of a line. */
export function cutAnswer(response: ServerResponse, { verb }: SeenCall): void {
  if (verb !== 'WATCH') response.writeHead = () => response;
  response.end = () => {
    if (response.headersSent) response.write('{"type":', () => response.destroy());
    else response.destroy();
    return response;
  };
}
