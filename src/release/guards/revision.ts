import type { Revision } from '../recorded-revision.js';
import { recordedCheck } from './checks.js';
import { revisionOfOneService, upgraded } from './one-service.js';
import { flag, integer, list, mapOf, oneOf, shape, text, type Guard } from './guard.js';
import { kubeObject, objectRef, roleName, service, snapshot } from './objects.js';
import { revisionNumber, roleRecord } from './state.js';

/** Info and bulk of a revision. */
export const revision: Guard<Revision> = upgraded(
  revisionOfOneService,
  shape(
    {
      number: revisionNumber,
      strategy: oneOf('rolling', 'blue-green'),
      objects: list(kubeObject),
      secrets: list(shape({ ref: objectRef, hash: text() })),
      publicServices: list(service),
      shared: list(kubeObject),
      applyAfterSwitch: list(kubeObject),
      before: list(snapshot),
      checks: list(recordedCheck),
      force: flag,
      contentHash: text(),
      images: list(text()),
      sha: text(),
      run: text(),
      actor: text(),
      at: text(),
    },
    {
      role: roleName,
      service: text(),
      deleteAfterSwitch: list(shape({ ref: objectRef }, { uid: text() })),
      beforeStaging: list(snapshot),
      backup: shape({
        role: roleName,
        objects: list(kubeObject),
        secrets: list(
          shape({
            ...{ ref: objectRef, hash: text(), immutable: flag, hasType: flag },
            ...{ labels: mapOf(text()), annotations: mapOf(text()) },
          }),
        ),
        publicServices: list(service),
        applyAfterSwitch: list(kubeObject),
        record: roleRecord,
      }),
      approval: shape({
        environment: text(),
        subject: oneOf('staged-by-run', 'revision-input', 'rollback'),
        job: oneOf('id-token', 'deployment'),
        attempt: integer(1),
        by: list(text()),
        comment: text(),
      }),
    },
  ),
);
