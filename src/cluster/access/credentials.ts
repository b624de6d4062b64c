import { createSecureContext } from 'node:tls';
import type { RequestOptions } from 'node:https';
import { CutoverError } from '../../errors.js';
import { shortened } from '../../log.js';
import type { Log } from '../../log.js';
import { isFields } from '../../kubernetes/fields.js';
import type { Credentials } from '../http/api.js';
import type { Clock } from '../clock.js';
import type { KubeconfigContext } from './kubeconfig.js';
import { cancelled } from '../http/transport.js';
import type { Access, ConnectionOptions } from '../http/transport.js';

/** Reads certificates and tokens and runs exec plugins, again at each call. */
export type LoadAccess = () => Promise<RequestOptions>;

export interface CredentialOptions {
  readonly entry: KubeconfigContext;
  readonly load: LoadAccess;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Limit for an exec plugin, because one that prompts for input would never end. */
const pluginTimeoutMs = 60_000;

/** Loads at first use, once for all waiting requests, and again when `renew` is called. */
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
  const loading = new AbortController();
  const timeout = clock.wait(pluginTimeoutMs, AbortSignal.any([signal, loading.signal])).then((): RequestOptions => {
    if (signal.aborted) throw cancelled();
    throw new CutoverError(`${pluginName(entry)} did not finish within ${pluginTimeoutMs / 1000} s`, {
      code: 'kubeconfig',
      hint: 'It may be waiting for input; on a runner it must work without a prompt.',
    });
  });
  let options: RequestOptions;
  try {
    options = await Promise.race([load(), timeout]);
  } catch (thrown) {
    throw thrown instanceof CutoverError ? thrown : credentialError(thrown, entry);
  } finally {
    timeout.catch(() => log.debug('the credentials were loaded in time'));
    loading.abort();
  }
  return accessOf(options, entry, log);
}

function accessOf(options: RequestOptions, entry: KubeconfigContext, log: Log): Access {
  const { agent, ca, cert, key } = options;
  if (agent === undefined || typeof agent === 'boolean') {
    throw new CutoverError('the Kubernetes client created no connection pool', { code: 'internal' });
  }
  try {
    createSecureContext({ ca, cert, key });
  } catch (cause) {
    throw new CutoverError(`a certificate or key of context ${entry.context} in ${entry.source} is not valid PEM`, {
      code: 'kubeconfig',
      hint: 'Check certificate-authority-data, client-certificate-data and client-key-data: each must be base64-encoded PEM.',
      cause,
    });
  }
  // The client creates the agent, because it handles proxies, but without keep-alive; Api limits the number of requests.
  // All connections are equal, so a constant name saves building one from certificates and key for every request; only a
  // pool of its own must not wait behind connections that died while others used them.
  const getName = ({ pool = 'api-server' }: ConnectionOptions): string => pool;
  Object.assign(agent, { keepAlive: true, maxSockets: Infinity, maxFreeSockets: 10, getName });
  const headers: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    // A token read from a file ends with a newline, which is not valid in a header.
    if (typeof value === 'string') headers[name] = value.trim();
  }
  if (options.auth) headers['Authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  const groups = entry.user['as-groups'];
  if (Array.isArray(groups)) headers['Impersonate-Group'] = groups.map(String);
  const authorization = headers['Authorization'];
  if (typeof authorization === 'string') log.mask(authorization.replace(/^\w+ /, ''));
  return { agent, headers };
}

function pluginName({ user, context }: KubeconfigContext): string {
  const exec = user['exec'];
  const command = isFields(exec) && typeof exec['command'] === 'string' ? exec['command'] : '';
  return command === ''
    ? `the authentication of context ${context}`
    : `the exec plugin ${command} of context ${context}`;
}

function credentialError(thrown: unknown, entry: KubeconfigContext): CutoverError {
  const error = Object(thrown) as Readonly<Record<string, unknown>>;
  const text = (key: 'code' | 'message' | 'name' | 'path' | 'syscall'): string =>
    typeof error[key] === 'string' ? error[key] : '';
  const kubeconfigError = (message: string, hint: string): CutoverError =>
    new CutoverError(message, { code: 'kubeconfig', hint });
  if (text('syscall').startsWith('spawn')) {
    const exec = entry.user['exec'];
    const installHint = isFields(exec) && typeof exec['installHint'] === 'string' ? exec['installHint'].trim() : '';
    const hint = `Install it in an earlier step, or use a kubeconfig with a token or a client certificate. ${installHint}`;
    return kubeconfigError(`${pluginName(entry)} cannot be started on this runner (${text('code')})`, hint.trim());
  }
  if (text('syscall') !== '' && text('path') !== '') {
    return kubeconfigError(
      `${entry.source} refers to the file ${text('path')}, which cannot be read (${text('code')})`,
      'Relative paths start from the folder of the kubeconfig.',
    );
  }
  if (['SyntaxError', 'TypeError'].includes(text('name'))) {
    // Their messages quote the output, which contains the credential.
    return kubeconfigError(
      `${pluginName(entry)} did not print a valid credential`,
      'It must print an ExecCredential as JSON.',
    );
  }
  const output = text('message').trim().split('\n').slice(-5).join(' / ');
  return kubeconfigError(
    `${pluginName(entry)} failed: ${output === '' ? 'no output' : shortened(redacted(output), 500)}`,
    'Run the same command in an earlier step for details.',
  );
}

/** Replaces strings of 40 characters and more without a space: tokens and keys are that long, words are not. */
function redacted(text: string): string {
  return text.replace(/[A-Za-z0-9+/_=.-]{40,}/g, '***');
}
