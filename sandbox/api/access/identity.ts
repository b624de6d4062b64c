import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { User } from './rbac.js';
import type { ServiceAccountTokens } from './service-account-tokens.js';
import { refusal, type ApiError } from '../http/status.js';

/**
 * The user of the request: the owner of the client certificate, the ServiceAccount of the token, or `system:anonymous`
 * without either. Throws 401 for a token that is invalid or expired.
 */
export function whoAsks(request: IncomingMessage, tokens: ServiceAccountTokens): User {
  const { socket } = request;
  if (socket instanceof TLSSocket && socket.authorized) {
    const { subject } = socket.getPeerCertificate();
    return { name: texts(subject.CN)[0] ?? '', groups: [...texts(subject.O), 'system:authenticated'] };
  }
  const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined) return { name: 'system:anonymous', groups: ['system:unauthenticated'] };
  const user = tokens.userOf(token);
  if (user === undefined) throw unauthorized();
  return user;
}

function texts(value: string | string[] | undefined): readonly string[] {
  return typeof value === 'string' ? [value] : (value ?? []);
}

function unauthorized(): ApiError {
  return refusal(401, 'Unauthorized', { message: 'Unauthorized' });
}
