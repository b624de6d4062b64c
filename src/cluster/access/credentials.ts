import { createSecureContext } from 'node:tls';
import type { RequestOptions } from 'node:https';
import { CutoverError } from '../../errors.js';
import { shortened } from '../../log.js';
import type { Log } from '../../log.js';
import { isFields } from '../../kubernetes/fields.js';
import type { Credentials } from '../http/api.js';
import type { Clock } from '../clock.js';
import type { Entry } from './kubeconfig.js';
import { cancelled } from '../http/transport.js';
import type { Access } from '../http/transport.js';

/** Reads certificates and tokens and runs exec plugins, all anew at each call. */
export type LoadAccess = () => Promise<RequestOptions>;

export interface CredentialOptions {
  readonly entry: Entry;
  readonly load: LoadAccess;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** An exec plugin that asks somebody something would wait for ever. */
const pluginTimeoutMs = 60_000;

/** Loads at first use, once for however many requests wait for it, and again when the API server asks for it. */
export function credentialsOf(options: CredentialOptions): Credentials {
  let current: Promise<Access> | undefined;
  const access = (): Promise<Access> => {
    current ??= loadAccess(options).catch((thrown: unknown) => {
      current = undefined;
      throw thrown;
    });
    return current;
  };
  return {
    access,
    async renew(stale) {
      if (current !== undefined && (await current) === stale) current = undefined;
      return access();
    },
  };
}

async function loadAccess({ entry, load, clock, log, signal }: CredentialOptions): Promise<Access> {
  const done = new AbortController();
  const overdue = clock.wait(pluginTimeoutMs, AbortSignal.any([signal, done.signal])).then((): RequestOptions => {
    if (signal.aborted) throw cancelled();
    throw new CutoverError(`${pluginName(entry)} did not end within ${pluginTimeoutMs / 1000} s`, {
      code: 'kubeconfig',
      hint: 'It may be waiting for an answer at a prompt; on a runner it must work without one.',
    });
  });
  let options: RequestOptions;
  try {
    options = await Promise.race([load(), overdue]);
  } catch (thrown) {
    throw thrown instanceof CutoverError ? thrown : explain(thrown, entry);
  } finally {
    overdue.catch(() => log.debug('the credentials were loaded in time'));
    done.abort();
  }
  return accessOf(options, entry, log);
}

function accessOf(options: RequestOptions, entry: Entry, log: Log): Access {
  const { agent, ca, cert, key } = options;
  if (agent === undefined || typeof agent === 'boolean') {
    throw new CutoverError('the Kubernetes client made no connection pool', { code: 'internal' });
  }
  try {
    createSecureContext({ ca, cert, key });
  } catch (cause) {
    throw new CutoverError(`a certificate or key of context ${entry.context} in ${entry.source} is not valid PEM`, {
      code: 'kubeconfig',
      hint: 'Check certificate-authority-data, client-certificate-data and client-key-data: each is base64 of a PEM text.',
      cause,
    });
  }
  // The client makes the pool (it knows about proxies), but one connection a request; the limit is ours, in Api. All its
  // connections are alike, so that their name need not be put together from certificates and key for every request.
  Object.assign(agent, { keepAlive: true, maxSockets: Infinity, maxFreeSockets: 10, getName: () => 'api-server' });
  const headers: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    // A token read from a file ends with the file's newline, which no header may hold.
    if (typeof value === 'string') headers[name] = value.trim();
  }
  if (options.auth) headers['Authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  const groups = entry.user['as-groups'];
  if (Array.isArray(groups)) headers['Impersonate-Group'] = groups.map(String);
  const authorization = headers['Authorization'];
  if (typeof authorization === 'string') log.mask(authorization.replace(/^\w+ /, ''));
  return { agent, headers };
}

function pluginName({ user, context }: Entry): string {
  const exec = user['exec'];
  const command = isFields(exec) && typeof exec['command'] === 'string' ? exec['command'] : '';
  return command === ''
    ? `the authentication of context ${context}`
    : `the exec plugin ${command} of context ${context}`;
}

function explain(thrown: unknown, entry: Entry): CutoverError {
  const error = Object(thrown) as Readonly<Record<string, unknown>>;
  const text = (key: string): string => (typeof error[key] === 'string' ? error[key] : '');
  const fault = (message: string, hint: string): CutoverError =>
    new CutoverError(message, { code: 'kubeconfig', hint });
  if (text('syscall').startsWith('spawn')) {
    const exec = entry.user['exec'];
    const advice = isFields(exec) && typeof exec['installHint'] === 'string' ? exec['installHint'].trim() : '';
    const how = `Install it in an earlier step, or use a kubeconfig with a token or a client certificate. ${advice}`;
    return fault(`${pluginName(entry)} cannot be started on this runner (${text('code')})`, how.trim());
  }
  if (text('syscall') !== '' && text('path') !== '') {
    return fault(
      `${entry.source} names the file ${text('path')}, which cannot be read (${text('code')})`,
      'Relative names start from the kubeconfig’s own folder.',
    );
  }
  if (['SyntaxError', 'TypeError'].includes(text('name'))) {
    // Their messages quote what was printed, which is the credential.
    return fault(
      `${pluginName(entry)} did not give a credential that can be read`,
      'It must print an ExecCredential as JSON.',
    );
  }
  const said = text('message').trim().split('\n').slice(-5).join(' / ');
  return fault(
    `${pluginName(entry)} failed: ${said === '' ? 'it said nothing' : shortened(withoutSecrets(said), 500)}`,
    'Run the same command in an earlier step to see more.',
  );
}

/** Long unbroken strings are tokens and keys; words are not that long. */
function withoutSecrets(text: string): string {
  return text.replace(/[A-Za-z0-9+/_=.-]{40,}/g, '***');
}
