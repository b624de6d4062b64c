import { releaseAfter, roleManifests, serviceRef, type WebRelease } from './web-release.js';

/** The manifests of each revision below. */
export const site = (version: string): string => roleManifests(version, { autoscaler: false });

async function promoteTwice(web: WebRelease): Promise<void> {
  for (const version of ['v1', 'v2']) {
    await web.stage(site(version));
    await web.promote();
  }
}

/** v1 on blue, kept; users are on v2 on green. */
export const promoted = releaseAfter(promoteTwice);

/** The same, and v3 is staged on blue. */
export const staged = releaseAfter(async web => {
  await promoteTwice(web);
  await web.stage(site('v3'));
});

/** Somebody else changes the selector of the public Service. */
export function select({ cluster: { store } }: WebRelease, selector: object): void {
  const live = store.get(serviceRef('web'))!;
  store.update({ ...live, spec: { ...(live['spec'] as object), selector } }, { manager: 'kubectl-patch' });
}
