import type { ImageReference } from '../inputs/parse/image-reference.js';

/** Whether the host, with or without a port, is a loopback address; container engines use plain http for it, too. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/:\d+$/, '').toLowerCase();
  return name === 'localhost' || /^127(?:\.\d+){3}$/.test(name) || name === '[::1]';
}

/** Base URL of the registry API. */
function apiOf(registry: string): string {
  if (registry === 'docker.io') return 'https://registry-1.docker.io';
  return `${isLoopback(registry) ? 'http' : 'https'}://${registry}`;
}

/** URL of an image's manifest: by digest if it has one, else by tag (default `latest`). */
export function manifestUrl({ registry, path, tag, digest }: ImageReference): URL {
  return new URL(`/v2/${path}/manifests/${digest ?? tag ?? 'latest'}`, apiOf(registry));
}
