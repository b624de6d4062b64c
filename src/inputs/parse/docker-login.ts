import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isYamlMap } from '../checks/check-fields.js';
import { registryHost } from './image-reference.js';
import type { RegistryLogin } from './registry.js';
import { own } from '../../own.js';

/** The logins that `docker login` stored on the runner. */
export interface DockerLogin {
  readonly file: string;
  /** One for each server. */
  readonly logins: readonly RegistryLogin[];
  /** Why others could not be read, one reason each. */
  readonly unreadable: readonly string[];
}

/** Docker Desktop stores its own tokens under these keys; they are not logins. */
const notServers = /\/(?:access|refresh)-token$/;

/** Reads `config.json` in `DOCKER_CONFIG`, else in `~/.docker`. Never throws: what cannot be read is listed. */
export function readDockerLogin(environment: Readonly<Record<string, string>>): DockerLogin {
  const folder = environment['DOCKER_CONFIG'] || join(environment['HOME'] ?? '', '.docker');
  const file = join(folder, 'config.json');
  let config: unknown;
  try {
    config = JSON.parse(readFileSync(file, 'utf8'));
  } catch (thrown) {
    // Not the message of the parser: it quotes the text.
    const why =
      thrown instanceof SyntaxError ? 'is not JSON' : `cannot be read (${(thrown as NodeJS.ErrnoException).code})`;
    return { file, logins: [], unreadable: [`${file} ${why}`] };
  }
  if (!isYamlMap(config)) return { file, logins: [], unreadable: [`${file} is not a JSON object`] };
  const { auths, credsStore, credHelpers } = config;
  const helpers = isYamlMap(credHelpers) ? credHelpers : {};
  const logins = new Map<string, RegistryLogin>();
  const unreadable: string[] = [];
  for (const [key, entry] of Object.entries(isYamlMap(auths) ? auths : {})) {
    if (notServers.test(key)) continue;
    const server = registryHost(key);
    const read = isYamlMap(entry) ? credentialsOf(entry) : undefined;
    if (read === undefined) unreadable.push(`${server}: ${describeHelper(own(helpers, key) ?? credsStore)}`);
    else if (typeof read === 'string') unreadable.push(`${server}: ${read}`);
    else if (!logins.has(server)) logins.set(server, { server, ...read });
  }
  for (const [server, helper] of Object.entries(helpers)) {
    if (!isYamlMap(auths) || !Object.hasOwn(auths, server)) unreadable.push(`${server}: ${describeHelper(helper)}`);
  }
  if (logins.size === 0 && unreadable.length === 0) {
    const reason = typeof credsStore === 'string' ? describeHelper(credsStore) : 'it has no login';
    unreadable.push(`${file}: ${reason}`);
  }
  return { file, logins: [...logins.values()], unreadable };
}

/** Why a login without credentials of its own cannot be used. */
function describeHelper(helper: unknown): string {
  if (typeof helper !== 'string') return 'it has no username and password';
  return `its credentials are in the helper docker-credential-${helper}, which cannot be read here`;
}

/** Username and password of an entry of `auths`; a text: why it cannot be used; `undefined`: it is empty. */
function credentialsOf(
  entry: Readonly<Record<string, unknown>>,
): Pick<RegistryLogin, 'username' | 'password'> | string | undefined {
  const { auth, username, password, identitytoken } = entry;
  if (typeof identitytoken === 'string' && identitytoken !== '') {
    return 'its login is an identity token, but nodes need a username and password';
  }
  if (typeof username === 'string' && typeof password === 'string') return { username, password };
  if (typeof auth !== 'string' || auth === '') return undefined;
  const text = Buffer.from(auth, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 1) return 'its "auth" is not base64 of username:password';
  return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, '') };
}
