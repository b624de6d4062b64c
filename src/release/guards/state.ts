import { refKey } from '../../kubernetes/object.js';
import type {
  BlueGreenState,
  HistoryEntry,
  PublicServices,
  Recorded,
  RoleRecord,
  RollingState,
  StagedRecord,
} from '../state.js';
import type { AdoptedDeployment, BlueGreenOperation, RollingOperation, SwitchedService } from '../operation.js';
import { stateOfOneService, upgraded } from './one-service.js';
import { integer, list, mapOf, oneOf, shape, text, variant, WrongField, type Guard } from './guard.js';
import { dnsLabel, formerObject, objectRef, roleName, serviceRef, snapshot } from './objects.js';

/** Number of a revision. */
export const revisionNumber = integer(1);

const hashes = mapOf(text());

const historyEntry: Guard<HistoryEntry> = shape(
  {
    revision: revisionNumber,
    outcome: oneOf('deployed', 'adopted', 'staged', 'switched', 'rolled-back', 'rejected', 'failed'),
    at: text(),
    run: text(),
    actor: text(),
    sha: text(),
    images: list(text()),
  },
  { role: roleName, content: text() },
);

const roleIdentity = { podLabels: list(mapOf(text())), deployments: list(objectRef) };
const formerRole = { testService: text(), revision: revisionNumber, contentHash: text() };

export const roleRecord: Guard<RoleRecord> = shape(roleIdentity, {
  ...formerRole,
  applied: hashes,
  previous: shape(roleIdentity, formerRole),
});

const staged: Guard<StagedRecord> = shape(
  {
    revision: revisionNumber,
    role: roleName,
    objects: list(shape({ ref: objectRef, uid: text(), hash: text() }, { templateHash: text() })),
  },
  { publicServiceUids: mapOf(text()), previous: roleRecord },
);

const begun = { run: text(), holder: text(), revision: revisionNumber };
const direction = oneOf('promote', 'rollback');

const rollingOperation: Guard<RollingOperation> = shape({ ...begun, kind: oneOf('deploy', 'rollback') });

const switchedService: Guard<SwitchedService> = shape({ before: snapshot }, { sent: oneOf(true) });

const adopted: Guard<AdoptedDeployment> = shape({ ref: objectRef, uid: text() });

function atLeastOne<T>(guard: Guard<T>): Guard<readonly T[]> {
  return (value, path) => {
    const items = list(guard)(value, path);
    if (items.length > 0) return items;
    throw new WrongField(path, 'a list that is not empty');
  };
}

const blueGreenOperation: Guard<BlueGreenOperation> = variant('kind', {
  leave: shape({ ...begun, kind: oneOf('leave'), role: roleName }, { verified: oneOf(true) }),
  adopt: shape(
    {
      ...{ ...begun, kind: oneOf('adopt'), role: roleName },
      deployments: atLeastOne(shape({ ref: objectRef, uid: text(), template: text(), imageIds: hashes })),
    },
    { wasRolling: oneOf(true), sent: list(serviceRef) },
  ),
  stage: shape({ ...begun, kind: oneOf('stage'), role: roleName }),
  reject: shape({ ...begun, kind: oneOf('reject'), role: roleName }),
  prepare: shape({ ...begun, kind: oneOf('prepare'), role: roleName }),
  switch: shape({ ...begun, kind: oneOf('switch'), direction, role: roleName, services: list(switchedService) }),
  finish: shape(
    { ...begun, kind: oneOf('finish'), direction },
    { leftRole: roleName, leftPods: list(text()), backup: oneOf(true) },
  ),
});

const common = {
  format: oneOf(1),
  release: dnsLabel,
  latest: integer(0),
  revisions: list(revisionNumber),
  applied: hashes,
  history: list(historyEntry),
};

const commonOptional = { current: revisionNumber, expired: list(revisionNumber), left: list(formerObject) };

const rolling: Guard<Recorded<RollingState>> = shape(
  { ...common, strategy: oneOf('rolling') },
  { ...commonOptional, operation: rollingOperation },
);

const roleNames: Guard<readonly [string, string]> = (value, path) => {
  const [first, second, ...others] = list(roleName)(value, path);
  if (first !== undefined && second !== undefined && first !== second && others.length === 0) return [first, second];
  throw new WrongField(path, 'two different names');
};

const publicServices: Guard<PublicServices> = (value, path) => {
  const [main, ...others] = list(serviceRef)(value, path);
  const keys = [main, ...others].map(ref => ref && refKey(ref));
  if (main !== undefined && new Set(keys).size === keys.length) return [main, ...others];
  throw new WrongField(path, 'at least one Service, each once');
};

const blueGreen: Guard<Recorded<BlueGreenState>> = (value, path) => {
  const state = shape(
    {
      ...common,
      strategy: oneOf('blue-green'),
      publicServices,
      roleNames,
      roles: mapOf(roleRecord, roleName),
    },
    { ...commonOptional, staged, operation: blueGreenOperation, adopted: atLeastOne(adopted) },
  )(value, path);
  refuseForeignParts(state);
  return state;
};

/** What the parts of a blue/green state say of each other. */
function refuseForeignParts({
  roleNames: names,
  staged: onIdle,
  operation,
  publicServices: services,
}: Recorded<BlueGreenState>): void {
  const isRole = (role: string | undefined): boolean => role === undefined || names.includes(role);
  if (!isRole(onIdle?.role)) throw new WrongField(['staged', 'role'], 'a name of `roleNames`');
  const roleField = operation?.kind === 'finish' ? 'leftRole' : 'role';
  if (!isRole(operation?.kind === 'finish' ? operation.leftRole : operation?.role))
    throw new WrongField(['operation', roleField], 'a name of `roleNames`');
  const keys = new Set(services.map(refKey));
  const narrowed = operation?.kind === 'adopt' ? (operation.sent ?? []) : [];
  const other = narrowed.findIndex(ref => !keys.has(refKey(ref)));
  if (other >= 0) throw new WrongField(['operation', 'sent', other], 'a Service of `publicServices`');
  const switched = operation?.kind === 'switch' ? operation.services : [];
  const foreign = switched.findIndex(({ before }) => !keys.delete(refKey(before.ref)));
  if (foreign >= 0)
    throw new WrongField(
      ['operation', 'services', foreign, 'before', 'ref'],
      'a Service of `publicServices`, each once',
    );
}

/** The state of a release of any strategy. */
export const releaseState: Guard<Recorded<RollingState> | Recorded<BlueGreenState>> = variant('strategy', {
  rolling,
  'blue-green': upgraded(stateOfOneService, blueGreen),
});
