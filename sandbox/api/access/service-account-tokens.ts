import { createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { isObject, objectAt, textAt, type JsonObject } from '../schema/json.js';
import type { User } from './rbac.js';
import type { Registry } from '../store/registry.js';
import type { Reply } from '../http/reply.js';
import type { ResourceRequest } from '../http/request.js';
import { invalid, invalidValue } from '../http/status.js';

const audience = 'https://kubernetes.default.svc.cluster.local';
const encode = (value: JsonObject): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Issues tokens for ServiceAccounts, and authenticates them. */
export class ServiceAccountTokens {
  readonly #registry: Registry;
  readonly #key = randomBytes(32);

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Answers a TokenRequest. Throws 404 when there is no such ServiceAccount, and 422 for less than 10 minutes. */
  issue(request: ResourceRequest, body: JsonObject): Reply {
    const { kind, namespace, name } = request;
    const uid = textAt(objectAt(this.#registry.need(kind, { namespace, name }), 'metadata'), 'uid') ?? '';
    const asked = objectAt(body, 'spec').expirationSeconds;
    const expirationSeconds = typeof asked === 'number' ? asked : 3600;
    if (expirationSeconds < 600) {
      const why = 'may not specify a duration less than 10 minutes';
      const error = invalidValue('spec.expirationSeconds', expirationSeconds, why);
      throw invalid({ group: '', plural: 'TokenRequest', kind: 'TokenRequest' }, '', [error]);
    }
    const now = Math.floor(Date.now() / 1000);
    const expires = now + expirationSeconds;
    const token = this.#signed({
      aud: [audience],
      exp: expires,
      iat: now,
      iss: audience,
      jti: randomUUID(),
      'kubernetes.io': { namespace, serviceaccount: { name, uid } },
      nbf: now,
      sub: userName(namespace, name),
    });
    const time = (seconds: number): string => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
    return {
      status: 201,
      body: {
        kind: 'TokenRequest',
        apiVersion: 'authentication.k8s.io/v1',
        metadata: { name, namespace, uid, creationTimestamp: time(now) },
        spec: { audiences: [audience], expirationSeconds, boundObjectRef: null },
        status: { token, expirationTimestamp: time(expires) },
      },
    };
  }

  /** `undefined`: not issued here, expired, or the ServiceAccount is gone. */
  userOf(token: string): User | undefined {
    const [header = '', payload = '', signature = ''] = token.split('.');
    const right = Buffer.from(this.#signature(`${header}.${payload}`));
    const given = Buffer.from(signature);
    if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined;
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString());
    if (!isObject(claims) || Number(claims.exp) * 1000 <= Date.now()) return undefined;
    const namespace = textAt(objectAt(claims, 'kubernetes.io'), 'namespace') ?? '';
    const { name = '', uid = '' } = objectAt(claims, 'kubernetes.io', 'serviceaccount') as Record<string, string>;
    const account = this.#registry.storage.read('serviceaccounts', { namespace, name });
    if (objectAt(account, 'metadata').uid !== uid) return undefined;
    const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
    return { name: userName(namespace, name), uid, groups };
  }

  #signed(claims: JsonObject): string {
    const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
    return `${text}.${this.#signature(text)}`;
  }

  #signature(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('base64url');
  }
}

const userName = (namespace: string, name: string): string => `system:serviceaccount:${namespace}:${name}`;
