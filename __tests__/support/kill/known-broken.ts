/** A group of rows that fail today. */
interface Known {
  /** `rolling: an update`. */
  readonly situation: string;
  /** `done, lost: PATCH deployments/web #1`. */
  readonly rows: readonly string[];
  readonly why: string;
}

const lockedOut =
  'The lock is taken before the post step can know of it, so the post step does not release it, and the next run is locked out.';
const leaseStays =
  'The second run finds nothing to do and takes no lock, so the Lease of the lost run stays until the next change.';
const unfinishedSwitch =
  'A deploy that goes on to the switch refuses to start while a switch is unfinished: only promote and rollback finish it.';
const adoptedTwice =
  'The adoption makes Cutover an owner of the Service, and the next apply of its selector alone is refused: spec.ports is missing.';
const putBack =
  'The Service that was put back with PUT belongs to another entry of managedFields, and the next run calls that a conflict.';

/** Rows that fail today, with the reason. A row that no longer fails must leave the list. */
export const knownBroken: readonly Known[] = [
  {
    situation: 'adoption: an adoption that ends staged',
    rows: ['done, post: POST leases/cutover-web #1'],
    why: lockedOut,
  },
  {
    situation: 'adoption: an adoption that goes on to the switch',
    rows: ['done, post: POST leases/cutover-web #1', 'done, post: PUT leases/cutover-web #2'],
    why: lockedOut,
  },
  {
    situation: 'adoption: an adoption whose staging fails',
    rows: ['done, post: POST leases/cutover-web #1'],
    why: lockedOut,
  },
  {
    situation: 'blue/green: a deploy that goes on to the switch',
    rows: ['done, post: PUT leases/cutover-web #1', 'done, post: PUT leases/cutover-web #3'],
    why: lockedOut,
  },
  {
    situation: 'blue/green: a first release',
    rows: ['done, post: POST leases/cutover-web #1', 'done, post: PUT leases/cutover-web #2'],
    why: lockedOut,
  },
  {
    situation: 'blue/green: a promotion that fails and switches back',
    rows: ['done, post: PUT leases/cutover-web #1'],
    why: lockedOut,
  },
  {
    situation: 'blue/green: a promotion that scales the old role down',
    rows: ['done, post: PUT leases/cutover-web #1'],
    why: lockedOut,
  },
  { situation: 'blue/green: a promotion', rows: ['done, post: PUT leases/cutover-web #1'], why: lockedOut },
  {
    situation: 'blue/green: a reject of a later version',
    rows: ['done, post: PUT leases/cutover-web #1'],
    why: lockedOut,
  },
  {
    situation: 'blue/green: a reject of the first version on a role',
    rows: ['done, post: PUT leases/cutover-web #1'],
    why: lockedOut,
  },
  { situation: 'blue/green: a staging that fails', rows: ['done, post: PUT leases/cutover-web #1'], why: lockedOut },
  { situation: 'blue/green: a staging', rows: ['done, post: PUT leases/cutover-web #1'], why: lockedOut },
  {
    situation: 'blue/green: a switch back to a role that was scaled down',
    rows: ['done, post: PUT leases/cutover-web #1'],
    why: lockedOut,
  },
  { situation: 'blue/green: a switch back', rows: ['done, post: PUT leases/cutover-web #1'], why: lockedOut },
  { situation: 'rolling: a first deploy', rows: ['done, post: POST leases/cutover-web #1'], why: lockedOut },
  { situation: 'rolling: a rollback', rows: ['done, post: PUT leases/cutover-web #1'], why: lockedOut },
  { situation: 'rolling: an update that fails', rows: ['done, post: PUT leases/cutover-web #1'], why: lockedOut },
  { situation: 'rolling: an update', rows: ['done, post: PUT leases/cutover-web #1'], why: lockedOut },
  {
    situation: 'adoption: an adoption that ends staged',
    rows: ['before, lost: PUT leases/cutover-web #1', 'done, lost: PUT configmaps/cutover-web #1'],
    why: leaseStays,
  },
  {
    situation: 'adoption: an adoption that goes on to the switch',
    rows: ['before, lost: PUT leases/cutover-web #3', 'done, lost: PUT configmaps/cutover-web #4'],
    why: leaseStays,
  },
  {
    situation: 'blue/green: a deploy that goes on to the switch',
    rows: ['before, lost: PUT leases/cutover-web #4', 'done, lost: PUT configmaps/cutover-web #5'],
    why: leaseStays,
  },
  {
    situation: 'blue/green: a first release',
    rows: ['before, lost: PUT leases/cutover-web #3', 'done, lost: PUT configmaps/cutover-web #4'],
    why: leaseStays,
  },
  {
    situation: 'blue/green: a promotion that scales the old role down',
    rows: ['before, lost: PUT leases/cutover-web #2', 'done, lost: PUT configmaps/cutover-web #3'],
    why: leaseStays,
  },
  {
    situation: 'blue/green: a promotion',
    rows: ['before, lost: PUT leases/cutover-web #2', 'done, lost: PUT configmaps/cutover-web #3'],
    why: leaseStays,
  },
  {
    situation: 'blue/green: a reject of a later version',
    rows: ['before, lost: PUT leases/cutover-web #2', 'done, lost: PUT configmaps/cutover-web #1'],
    why: leaseStays,
  },
  {
    situation: 'blue/green: a reject of the first version on a role',
    rows: ['before, lost: PUT leases/cutover-web #2', 'done, lost: PUT configmaps/cutover-web #1'],
    why: leaseStays,
  },
  {
    situation: 'blue/green: a staging',
    rows: ['before, lost: PUT leases/cutover-web #2', 'done, lost: PUT configmaps/cutover-web #2'],
    why: leaseStays,
  },
  {
    situation: 'blue/green: a switch back to a role that was scaled down',
    rows: ['before, lost: PUT leases/cutover-web #2', 'done, lost: PUT configmaps/cutover-web #3'],
    why: leaseStays,
  },
  {
    situation: 'blue/green: a switch back',
    rows: ['before, lost: PUT leases/cutover-web #2', 'done, lost: PUT configmaps/cutover-web #3'],
    why: leaseStays,
  },
  {
    situation: 'rolling: a first deploy',
    rows: ['before, lost: PUT leases/cutover-web #1', 'done, lost: PUT configmaps/cutover-web #1'],
    why: leaseStays,
  },
  {
    situation: 'rolling: a rollback',
    rows: ['before, lost: PUT leases/cutover-web #2', 'done, lost: PUT configmaps/cutover-web #2'],
    why: leaseStays,
  },
  {
    situation: 'rolling: an update',
    rows: ['before, lost: PUT leases/cutover-web #2', 'done, lost: PUT configmaps/cutover-web #2'],
    why: leaseStays,
  },
  {
    situation: 'adoption: an adoption that goes on to the switch',
    rows: [
      'before, lost: PATCH services/web #3',
      'before, lost: PUT configmaps/cutover-web #3',
      'done, lost: PATCH services/web #3',
      'done, lost: PUT configmaps/cutover-web #2',
    ],
    why: unfinishedSwitch,
  },
  {
    situation: 'blue/green: a deploy that goes on to the switch',
    rows: [
      'before, lost: PATCH services/web #1',
      'before, lost: PUT configmaps/cutover-web #4',
      'done, lost: PATCH services/web #1',
      'done, lost: PUT configmaps/cutover-web #3',
    ],
    why: unfinishedSwitch,
  },
  {
    situation: 'blue/green: a first release',
    rows: [
      'before, lost: PUT configmaps/cutover-web #3',
      'done, lost: PATCH services/web #1',
      'done, lost: PUT configmaps/cutover-web #2',
    ],
    why: unfinishedSwitch,
  },
  {
    situation: 'adoption: an adoption that ends staged',
    rows: ['before, post: PATCH services/web #2', 'done, lost: PATCH services/web #1'],
    why: adoptedTwice,
  },
  {
    situation: 'adoption: an adoption that goes on to the switch',
    rows: ['before, post: PATCH services/web #2', 'done, lost: PATCH services/web #1'],
    why: adoptedTwice,
  },
  {
    situation: 'adoption: an adoption whose staging fails',
    rows: ['before, post: PATCH services/web #2', 'done, lost: PATCH services/web #1'],
    why: adoptedTwice,
  },
  {
    situation: 'adoption: an adoption whose staging fails',
    rows: ['before, lost: PUT services/web #2', 'before, post: PUT services/web #2', 'done, lost: PUT services/web #1'],
    why: putBack,
  },
];
