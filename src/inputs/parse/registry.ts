import type { Answers } from '../answers.js';
import { readDockerLogin } from './docker-login.js';
import { registryHost } from './image-reference.js';
import { Refusal, type Parse } from '../refusal.js';
import { dnsSubdomain, oneOf } from './scalars.js';

/** What is said to a registry to be let in. */
export interface RegistryLogin {
  /** Host, with its port if it has one; `docker.io` for Docker Hub. */
  readonly server: string;
  readonly username: string;
  readonly password: string;
}

/** One image pull Secret to make or update. */
export interface RegistrySecret {
  readonly name: string;
  /** One for each server. */
  readonly logins: readonly RegistryLogin[];
}

/** That registries are asked whether images exist, before anything is written. */
export interface ImageCheck {
  /** `certain`: a registry must say so. `plausible`: none may say that an image does not exist. */
  readonly demand: 'certain' | 'plausible';
  readonly logins: readonly RegistryLogin[];
}

const lineShape = /^(?<server>\S+)\s+(?<username>\S+)\s+(?<password>.+)$/;
// Without a dot or a port the first part of an image is never a registry, so nothing could ever use such a login.
const serverShape =
  /^(?:https?:\/\/)?(?:localhost|[a-z0-9][-a-z0-9]*(?:\.[-a-z0-9]+)+|[a-z0-9][-a-z0-9]*(?=:)|\[[0-9a-f:]+\])(?::\d+)?(?:\/\S*)?$/i;

const linesOf = (text: string): readonly string[] =>
  text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '');

/** `server username password`, one server a line; the rest of the line is the password. No line is ever quoted. */
export const registryCredentials: Parse<readonly RegistryLogin[]> = text => {
  const reasons: string[] = [];
  const logins = new Map<string, RegistryLogin>();
  linesOf(text).forEach((line, index) => {
    const { server = '', username = '', password = '' } = lineShape.exec(line)?.groups ?? {};
    const host = registryHost(server);
    if (server === '') reasons.push(`line ${index + 1} is not "server username password"`);
    else if (!serverShape.test(server)) {
      reasons.push(`line ${index + 1} does not begin with a registry such as ghcr.io, docker.io or registry:5000`);
    } else if (logins.has(host)) reasons.push(`line ${index + 1} names a server a second time`);
    else logins.set(host, { server: host, username, password });
  });
  if (reasons.length > 0) throw Refusal.because(reasons);
  return [...logins.values()];
};

/** What must be masked of the input: each password in every form, and lines that cannot be read as a whole. */
export function registrySecrets(text: string): readonly string[] {
  return linesOf(text).flatMap(line => {
    const { username = '', password = '' } = lineShape.exec(line)?.groups ?? {};
    return password === '' ? [line, ...line.split(/\s+/)] : loginSecrets({ server: '', username, password });
  });
}

/** The password of a login, and the two forms in which it goes over the wire and into a Secret. */
export function loginSecrets({ username, password }: RegistryLogin): readonly string[] {
  return [password, JSON.stringify(password).slice(1, -1), basicCredentials({ username, password })];
}

/** `username:password` in base64, as the header `Authorization: Basic` and the `auth` of a docker login have it. */
export function basicCredentials({ username, password }: Pick<RegistryLogin, 'username' | 'password'>): string {
  return Buffer.from(`${username}:${password}`).toString('base64');
}

/** What the inputs say about registries. */
export interface RegistryInputs {
  readonly registrySecret: RegistrySecret | undefined;
  readonly imageCheck: ImageCheck | undefined;
  /** Of `registry-credentials`, else of the runner's docker login. */
  readonly registryLogins: readonly RegistryLogin[];
}

const demands = { auto: 'plausible', require: 'certain', off: 'off' } as const;
const imageCheck: Parse<ImageCheck['demand'] | 'off'> = text => demands[oneOf('auto', 'require', 'off')(text)];

/** Reads the inputs about registries, and the runner's docker login where that stands in for credentials. */
export function registryInputs(answers: Answers, environment: Readonly<Record<string, string>>): RegistryInputs {
  const name = answers.optional('registry-secret', dnsSubdomain);
  const demand = answers.settled('image-check', imageCheck);
  const given = answers.optional('registry-credentials', registryCredentials);
  // Steps that render nothing have no use for it, and refused credentials are not to be made up for.
  const wanted = answers.raw('manifests') !== undefined && answers.raw('registry-credentials') === undefined;
  const login = wanted ? readDockerLogin(environment) : undefined;
  const registryLogins = given ?? login?.logins ?? [];
  if (name !== undefined && login !== undefined && registryLogins.length === 0) {
    answers.refuse(
      'registry-secret',
      `but there are no credentials for it: "registry-credentials" is not given, and of the runner's docker login: ${login.unreadable.join('; ')}`,
    );
  }
  if (given !== undefined && name === undefined && demand === 'off') {
    answers.refuse('registry-credentials', 'but there is no "registry-secret", and "image-check" is off; leave it out');
  }
  return {
    registryLogins,
    registrySecret: name === undefined ? undefined : { name, logins: registryLogins },
    imageCheck: demand === 'off' ? undefined : { demand, logins: registryLogins },
  };
}
