import { refKey } from '../../kubernetes/object.js';
import type {
  AdoptedDeployment,
  BlueGreenOperation,
  BlueGreenState,
  HistoryEntry,
  Recorded,
  RoleRecord,
  RollingOperation,
  RollingState,
  StagedRecord,
} from '../state.js';
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

const roleRecord: Guard<RoleRecord> = shape(
  { podLabels: mapOf(text()), deployments: list(objectRef) },
  { testService: text(), revision: revisionNumber, contentHash: text(), applied: hashes },
);

const staged: Guard<StagedRecord> = shape(
  {
    revision: revisionNumber,
    role: roleName,
    objects: list(shape({ ref: objectRef, uid: text(), hash: text() }, { templateHash: text() })),
  },
  { publicServiceUid: text(), previous: roleRecord },
);

const begun = { run: text(), holder: text(), revision: revisionNumber };
const direction = oneOf('promote', 'rollback');

const rollingOperation: Guard<RollingOperation> = shape({ ...begun, kind: oneOf('deploy', 'rollback') });

const adopted: Guard<AdoptedDeployment> = shape({ ref: objectRef, uid: text() });

const blueGreenOperation: Guard<BlueGreenOperation> = variant('kind', {
  leave: shape({ ...begun, kind: oneOf('leave'), role: roleName }, { verified: oneOf(true) }),
  adopt: shape(
    {
      ...{ ...begun, kind: oneOf('adopt'), role: roleName },
      ...{ deployment: adopted, template: text(), imageIds: hashes },
    },
    { wasRolling: oneOf(true) },
  ),
  stage: shape({ ...begun, kind: oneOf('stage'), role: roleName }),
  reject: shape({ ...begun, kind: oneOf('reject'), role: roleName }),
  prepare: shape({ ...begun, kind: oneOf('prepare'), role: roleName }),
  switch: shape({ ...begun, kind: oneOf('switch'), direction, role: roleName, previousService: snapshot }),
  finish: shape({ ...begun, kind: oneOf('finish'), direction }, { leftRole: roleName }),
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

const blueGreen: Guard<Recorded<BlueGreenState>> = (value, path) => {
  const state = shape(
    {
      ...common,
      strategy: oneOf('blue-green'),
      publicService: serviceRef,
      roleNames,
      roles: mapOf(roleRecord, roleName),
    },
    { ...commonOptional, staged, operation: blueGreenOperation, adopted },
  )(value, path);
  refuseForeignParts(state);
  return state;
};

/** What the parts of a blue/green state say of each other. */
function refuseForeignParts({
  roleNames: names,
  staged: onIdle,
  operation,
  publicService,
}: Recorded<BlueGreenState>): void {
  const isRole = (role: string | undefined): boolean => role === undefined || names.includes(role);
  if (!isRole(onIdle?.role)) throw new WrongField(['staged', 'role'], 'a name of `roleNames`');
  const roleField = operation?.kind === 'finish' ? 'leftRole' : 'role';
  if (!isRole(operation?.kind === 'finish' ? operation.leftRole : operation?.role))
    throw new WrongField(['operation', roleField], 'a name of `roleNames`');
  if (operation?.kind === 'switch' && refKey(operation.previousService.ref) !== refKey(publicService))
    throw new WrongField(['operation', 'previousService', 'ref'], 'the Service of `publicService`');
}

/** The state of a release of any strategy. */
export const releaseState: Guard<Recorded<RollingState> | Recorded<BlueGreenState>> = variant('strategy', {
  rolling,
  'blue-green': blueGreen,
});
