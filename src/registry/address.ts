import type { ImageReference } from '../inputs/parse/image-reference.js';

/** Whether the host, with or without a port, is this very machine; container engines speak plain http to it, too. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/:\d+$/, '').toLowerCase();
  return name === 'localhost' || /^127(?:\.\d+){3}$/.test(name) || name === '[::1]';
}

/** Where the API of the registry answers. */
function apiOf(registry: string): string {
  if (registry === 'docker.io') return 'https://registry-1.docker.io';
  return `${isLoopback(registry) ? 'http' : 'https'}://${registry}`;
}

/** Address of an image's manifest: by digest where there is one, else by tag, `latest` by default. */
export function manifestUrl({ registry, path, tag, digest }: ImageReference): URL {
  return new URL(`/v2/${path}/manifests/${digest ?? tag ?? 'latest'}`, apiOf(registry));
}
