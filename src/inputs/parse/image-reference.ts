/** An image reference, split as container engines do it. */
export interface ImageReference {
  /** Registry and path as written, without tag and digest. */
  readonly written: string;
  /** Host, with its port if one is written; `docker.io` where no registry is written. */
  readonly registry: string;
  /** Path within the registry: `library/nginx` for `nginx`. */
  readonly path: string;
  readonly tag?: string;
  /** `sha256:<64 hex digits>`, or `sha512:` with 128. */
  readonly digest?: string;
}

// A first part with capitals is a host only if it has a dot or a port: `Team/app` is a misspelt repository.
const host = /(?=[^/A-Z]*\/|[^/]*[.:])(?:[a-zA-Z0-9](?:[-a-zA-Z0-9.]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::\d+)?\//
  .source;
const path = /[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*/.source;
const reference = new RegExp(
  `^(?<written>(?:${host})?${path}(?:/${path})*)(?::(?<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?<digest>sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}))?$`,
);

/** The parts of an image reference. `undefined`: it is not valid, for example because of capitals. */
export function parseReference(image: string): ImageReference | undefined {
  const { written, tag, digest } = reference.exec(image)?.groups ?? {};
  if (written === undefined) return undefined;
  return {
    written,
    ...repositoryParts(written),
    ...(tag !== undefined && { tag }),
    ...(digest !== undefined && { digest }),
  };
}

/** The host names of Docker Hub. */
const hub = /^(?:(?:index|registry-1|registry)\.)?docker\.io$|^registry\.hub\.docker\.com$/;

/** The host of a registry as credentials and images name it: `docker.io` for any name of Docker Hub. */
export function registryHost(server: string): string {
  const host = server.replace(/^https?:\/\//i, '').replace(/\/.*$/, '');
  const plain = host.toLowerCase();
  return hub.test(plain) ? 'docker.io' : plain;
}

/** Registry and path of a repository. A colon before the first slash belongs to the registry's port. */
export function repositoryParts(repository: string): Pick<ImageReference, 'registry' | 'path'> {
  const [first = '', ...rest] = repository.split('/');
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  const registry = isHost ? registryHost(first) : 'docker.io';
  const written = isHost ? rest.join('/') : repository;
  const path = registry === 'docker.io' && !written.includes('/') ? `library/${written}` : written;
  return { registry, path };
}
