import { Refusal, type Parse } from '../refusal.js';
import { integer } from './scalars.js';

/** Fields of workloads that are set instead of those in the manifests. Absent: as in the manifests. */
export interface WorkloadOverrides {
  readonly replicas?: number;
  /** A number of pods, or a percentage such as `25%`. */
  readonly maxSurge?: PodShare;
  /** As `maxSurge`. */
  readonly maxUnavailable?: PodShare;
}

/** A number of pods; Kubernetes keeps it in 32 bits. */
export const replicas = integer({ min: 0, max: 2_147_483_647 });

/** A number of pods, or a percentage of them as text. */
export type PodShare = number | string;

/** A non-negative whole number, or a percentage such as `25%`. */
export const podShare: Parse<PodShare> = text => {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  if (/^\d{1,9}%$/.test(text)) return text;
  throw Refusal.accepting('a whole number of pods, 0 or more, or a percentage such as 25%');
};

/** As {@link podShare}, at most `100%`. */
export const podPart: Parse<PodShare> = text => {
  const share = podShare(text);
  if (typeof share === 'string' && Number.parseInt(share, 10) > 100) {
    throw Refusal.accepting('a whole number of pods, 0 or more, or a percentage of at most 100%');
  }
  return share;
};

/** Whether it is 0 or 0 %. */
export function isNone(share: unknown): boolean {
  return share === 0 || (typeof share === 'string' && /^0+%?$/.test(share));
}
