import { CutoverError } from '../../../../errors.js';
import { describeRef, describeRefs, refOf, type KubeObject, type ObjectRef } from '../../../../kubernetes/object.js';

/** The deploy would write the Deployment that serves users. */
export function wouldBeWritten(service: KubeObject, deployment: KubeObject): CutoverError {
  const name = describeRef(refOf(deployment));
  return notAdoptable(service, {
    reason: `${name} serves users, and this step would write it`,
    hint: 'Rename the Deployment in the manifests.',
  });
}

/** Another object has the name of the twin. */
export function nameTaken(service: KubeObject, taken: KubeObject): CutoverError {
  const name = describeRef(refOf(taken));
  return notAdoptable(service, {
    reason: `${name} exists already and is not of this release`,
    hint: `The adopted version would get that name. Delete ${name}, or rename the Deployment in the manifests.`,
  });
}

export function inRollout(
  service: KubeObject,
  { deployment, reason }: { readonly deployment: KubeObject; readonly reason: string },
): CutoverError {
  return notAdoptable(service, {
    reason: `${describeRef(refOf(deployment))} is in the middle of a rollout: ${reason}`,
    hint: 'Run this step again once the rollout is over.',
  });
}

export function noReadyPod(service: KubeObject): CutoverError {
  return notAdoptable(service, {
    reason: 'it selects no ready pod',
    hint: 'Scale its Deployment up, or delete the Service if nobody uses it; then run this step again.',
  });
}

export function severalOwners(service: KubeObject, names: string): CutoverError {
  return notAdoptable(service, {
    reason: `its pods are of several sets: ${names}`,
    hint: 'Wait until its rollout is over. If it selects pods of several Deployments, narrow its selector to the one that the manifests mean.',
  });
}

export function notOfDeployment(service: KubeObject, reason: string): CutoverError {
  return notAdoptable(service, { reason, hint: 'Only the pods of a Deployment can be adopted.' });
}

/** The serving pods do not agree on the image of a container. */
export function severalImages(service: KubeObject, container: string): CutoverError {
  return notAdoptable(service, {
    reason: `its pods run different images in container ${container}, under one tag`,
    hint: 'The tag was moved while the pods ran. Restart the Deployment, or set its image by digest; then run this step again.',
  });
}

/** What scales the Deployment is of a kind that Cutover does not know: a failure could not create it again. */
export function unknownAutoscaler(service: KubeObject, autoscaler: KubeObject): CutoverError {
  const name = describeRef(refOf(autoscaler));
  return notAdoptable(service, {
    reason: `its pods are scaled by ${name}, a kind of autoscaler that Cutover does not know`,
    hint: `Scale the Deployment with a HorizontalPodAutoscaler or a KEDA ScaledObject, or delete ${name}; then run this step again.`,
  });
}

/** Some public Services are live without roles, and others are not. `others`: these, and why, as the rest of a sentence. */
export function notAllWithoutRoles(
  services: readonly ObjectRef[],
  others: readonly { readonly ref: ObjectRef; readonly why: string }[],
): CutoverError {
  const reasons = others.map(({ ref, why }) => `${describeRef(ref)} ${why}`).join(', ');
  const [one, it] = others.length > 1 ? ['they have', 'them'] : ['it has', 'it'];
  return new CutoverError(
    `${describeRefs(services)} ${services.length > 1 ? 'are' : 'is'} live without roles, but ${reasons}: public Services are adopted together or not at all`,
    {
      code: 'roles',
      object: describeRefs(others.map(({ ref }) => ref)),
      hint: `Nothing was changed. Deploy once with \`strategy: rolling\`, so that ${one} pods without roles, too, and then run this step again; or annotate ${it} cutover/shared: "true" and deploy what is behind separately.`,
    },
  );
}

/** The manifests have no Deployment that all the public Services of the live one lead to. */
export function noTwin(deployment: KubeObject, services: readonly KubeObject[]): CutoverError {
  const [service = deployment, ...others] = services;
  if (others.length === 0)
    return notAdoptable(service, {
      reason: 'the manifests have no Deployment for its pods',
      hint: 'Add the Deployment whose pods the public Service selects.',
    });
  return new CutoverError(
    `What ${describeRefs(services.map(refOf))} select cannot be adopted: they lead to ${describeRef(refOf(deployment))}, and the manifests have no Deployment that all of them lead to`,
    {
      code: 'roles',
      object: describeRef(refOf(deployment)),
      hint: 'Stage what is live first: deploy manifests in which these Services select one Deployment, and split it in a later revision.',
    },
  );
}

/** Two live Deployments have one Deployment of the manifests in common. */
export function sameTwin(service: KubeObject, deployments: readonly KubeObject[]): CutoverError {
  return notAdoptable(service, {
    reason: `the manifests have one Deployment for the pods of ${describeRefs(deployments.map(refOf))}`,
    hint: 'Give each Deployment that is live its own in the manifests; bring them together in a later revision.',
  });
}

/** A public Service would lead to the twin of a Deployment that it does not lead to. */
export function ledToOther(service: KubeObject, deployment: KubeObject): CutoverError {
  return notAdoptable(service, {
    reason: `it would also select the pods that take the place of ${describeRef(refOf(deployment))}, which it does not lead to`,
    hint: 'Add a label to its selector that only its own pods have, in the cluster and in the manifests.',
  });
}

/** A rolling release has no public Service that could be narrowed. */
export function nothingToAdopt(release: string, service: string): CutoverError {
  return new CutoverError(
    `Release ${release} is deployed with strategy rolling, and ${service} does not lead to its pods`,
    {
      code: 'roles',
      object: service,
      hint: 'Deploy once more with `strategy: rolling` and a Service that selects its pods; then set `strategy: blue-green`.',
    },
  );
}

function notAdoptable(
  service: KubeObject,
  { reason, hint }: { readonly reason: string; readonly hint: string },
): CutoverError {
  const name = describeRef(refOf(service));
  return new CutoverError(`What ${name} selects cannot be adopted: ${reason}`, { code: 'roles', object: name, hint });
}
