import { Refusal, type Parse } from '../refusal.js';
import { registryHost } from './image-reference.js';
import { oneOf } from './scalars.js';

/** Credentials of one registry. */
export interface RegistryLogin {
  /** Host, with its port if it has one; `docker.io` for Docker Hub. */
  readonly server: string;
  readonly username: string;
  readonly password: string;
}

/** An image pull Secret to create or update. */
export interface RegistrySecret {
  readonly name: string;
  /** One for each server. */
  readonly logins: readonly RegistryLogin[];
}

/** How registries are asked whether images exist, before anything is written. */
export interface ImageCheck {
  /** `certain`: a registry must confirm every image. `plausible`: no registry may deny one. */
  readonly demand: 'certain' | 'plausible';
  readonly logins: readonly RegistryLogin[];
}

const lineShape = /^(?<server>\S+)\s+(?<username>\S+)\s+(?<password>.+)$/;
// The first part of an image is a registry only with a dot or a port, so any other login could never be used.
const serverShape =
  /^(?:https?:\/\/)?(?:localhost|[a-z0-9][-a-z0-9]*(?:\.[-a-z0-9]+)+|[a-z0-9][-a-z0-9]*(?=:)|\[[0-9a-f:]+\])(?::\d+)?(?:\/\S*)?$/i;

const linesOf = (text: string): readonly string[] =>
  text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '');

/** `server username password`, one server per line; the rest of the line is the password. No message quotes a line. */
export const registryCredentials: Parse<readonly RegistryLogin[]> = text => {
  const reasons: string[] = [];
  const logins = new Map<string, RegistryLogin>();
  linesOf(text).forEach((line, index) => {
    const { server = '', username = '', password = '' } = lineShape.exec(line)?.groups ?? {};
    const host = registryHost(server);
    if (server === '') reasons.push(`line ${index + 1} is not "server username password"`);
    else if (!serverShape.test(server)) {
      reasons.push(`line ${index + 1} does not begin with a registry such as ghcr.io, docker.io or registry:5000`);
    } else if (logins.has(host)) reasons.push(`line ${index + 1} repeats a server`);
    else logins.set(host, { server: host, username, password });
  });
  if (reasons.length > 0) throw Refusal.because(reasons);
  return [...logins.values()];
};

/** What must be masked of the input: each password in every form, and lines that cannot be parsed as a whole. */
export function registrySecrets(text: string): readonly string[] {
  return linesOf(text).flatMap(line => {
    const { username = '', password = '' } = lineShape.exec(line)?.groups ?? {};
    return password === '' ? [line, ...line.split(/\s+/)] : loginSecrets({ server: '', username, password });
  });
}

/** The password of a login, and the two forms in which it is sent and stored in a Secret. */
export function loginSecrets({ username, password }: RegistryLogin): readonly string[] {
  return [password, JSON.stringify(password).slice(1, -1), basicCredentials({ username, password })];
}

/** `username:password` in base64, as in the header `Authorization: Basic` and the `auth` of a docker login. */
export function basicCredentials({ username, password }: Pick<RegistryLogin, 'username' | 'password'>): string {
  return Buffer.from(`${username}:${password}`).toString('base64');
}

const demands = { auto: 'plausible', require: 'certain', off: 'off' } as const;

/** The input `image-check`: what is demanded, or `off`. */
export const imageCheck: Parse<ImageCheck['demand'] | 'off'> = text => demands[oneOf('auto', 'require', 'off')(text)];
