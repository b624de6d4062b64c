/** A parsed image reference. */
export interface ImageName {
  /** With registry, as a node writes it: `docker.io/library/tomcat`. */
  readonly repository: string;
  /** Last path segment: `tomcat`. */
  readonly name: string;
  /** `latest` when the reference names neither tag nor digest. */
  readonly tag: string;
  /** `sha256:…` */
  readonly digest?: string;
  /** The whole reference with registry and tag or digest. */
  readonly full: string;
}

const grammar =
  /^(?<repository>(?:[a-zA-Z0-9.-]+(?::\d+)?\/)?[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*)(?::(?<tag>\w[\w.-]{0,127}))?(?:@(?<digest>sha256:[0-9a-f]{64}))?$/;

/** Undefined: not a valid reference. */
export function parseImageName(reference: string): ImageName | undefined {
  const groups = grammar.exec(reference)?.groups;
  const written = groups?.['repository'];
  if (groups === undefined || written === undefined) return undefined;
  const repository = withRegistry(written);
  const name = written.slice(written.lastIndexOf('/') + 1);
  const digest = groups['digest'];
  const tag = groups['tag'] ?? 'latest';
  if (digest === undefined) return { repository, name, tag, full: `${repository}:${tag}` };
  return { repository, name, tag, digest, full: `${repository}@${digest}` };
}

function withRegistry(written: string): string {
  const [first = ''] = written.split('/');
  const hasRegistry = written.includes('/') && (/[.:]/.test(first) || first === 'localhost');
  if (hasRegistry) return written;
  return written.includes('/') ? `docker.io/${written}` : `docker.io/library/${written}`;
}
