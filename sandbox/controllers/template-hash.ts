import type { PodTemplate } from './pod.js';

/** Label that identifies the pods of one template. */
export const HASH_LABEL = 'pod-template-hash';

// What Kubernetes writes for the digits 0 to 9, so that no hash spells a word.
const alphabet = '456789bcdf';

/** Short name of a pod template: equal for equal templates, whatever the order of their members. */
export function templateHash(template: PodTemplate): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(canonical(withoutHash(template)))) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return String(hash).replace(/\d/g, digit => alphabet[Number(digit)] ?? '');
}

/** The template with the hash label, as a ReplicaSet carries it. */
export function withHash(template: PodTemplate, hash: string): PodTemplate {
  const labels = { ...template.metadata?.labels, [HASH_LABEL]: hash };
  return { ...template, metadata: { ...template.metadata, labels } };
}

function withoutHash(template: PodTemplate): PodTemplate {
  if (template.metadata?.labels === undefined) return template;
  const labels = Object.fromEntries(Object.entries(template.metadata.labels).filter(([name]) => name !== HASH_LABEL));
  return { ...template, metadata: { ...template.metadata, labels } };
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(',')}}`;
}
