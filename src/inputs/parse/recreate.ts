import type { RecreatePolicy } from '../inputs.js';
import { entries } from './lists.js';
import { Refusal, type Parse } from '../refusal.js';

/** What exists apart from any manifest: deleting it would take addresses, data or other people's objects along. */
const never = ['Service', 'PersistentVolumeClaim', 'PersistentVolume', 'Namespace', 'CustomResourceDefinition'];

/** `jobs`, `none`, or a list of `kind/name` (and `jobs`, if Jobs are still to be among them). */
export const recreate: Parse<RecreatePolicy> = text => {
  if (text === 'none') return { jobs: false, objects: [] };
  const reasons: string[] = [];
  const named = entries(text).filter(entry => entry !== 'jobs');
  const objects = named.map(entry => {
    const [, kind = '', name = ''] = /^([A-Za-z]+)\/([a-z0-9][-.a-z0-9]*)$/.exec(entry) ?? [];
    if (kind === '') reasons.push(`"${entry}" is neither jobs, none nor kind/name such as StatefulSet/db`);
    if (never.some(one => one.toLowerCase() === kind.toLowerCase()))
      reasons.push(`"${entry}": a ${kind} is never deleted to be made again; it holds what no manifest brings back`);
    return { kind, name };
  });
  if (reasons.length > 0) throw Refusal.because(reasons);
  return { jobs: objects.length < entries(text).length, objects };
};
