import { describe, expect, it } from '@jest/globals';
import { describeRef, refOf } from '../../src/kubernetes/object.js';
import { problemsOf, render, renderBoth } from '../support/rendering.js';

/** Plain manifests, and one object that a tool calls a hook. */
const withHook = (annotation: string, head = 'apiVersion: batch/v1\nkind: Job'): string => `apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
---
${head}
metadata:
  name: hook
  annotations:
    ${annotation}
`;
const configMap = 'apiVersion: v1\nkind: ConfigMap';

/** The names of what is applied, and what is told. */
const seen = (text: string): readonly (readonly string[])[] => {
  const { resources, warnings } = render(text);
  return [
    resources.map(({ object }) => describeRef(refOf(object))),
    warnings.map(({ message, at }) => `${at.line} ${message}`),
  ];
};

describe('hooks of other tools', () => {
  it.each([
    'helm.sh/hook: pre-delete',
    'helm.sh/hook: post-delete',
    'helm.sh/hook: test',
    'helm.sh/hook: test-success',
    'helm.sh/hook: test-failure',
    'helm.sh/hook: pre-rollback, post-rollback',
    'helm.sh/hook: Pre-Delete',
    'helm.sh/hook: misspelt',
    'helm.sh/hook: ""',
    'argocd.argoproj.io/hook: SyncFail',
    'argocd.argoproj.io/hook: PostDelete',
    'argocd.argoproj.io/hook: PreDelete',
    'argocd.argoproj.io/hook: Skip',
  ])('are left out, and told at their line, when they do not belong to a deploy: %s', annotation => {
    const tool = annotation.startsWith('helm') ? 'Helm' : 'Argo CD';
    const hook = `a hook of ${tool} (${annotation.replace('""', '')})`;
    for (const [kind, head] of [['Job'], ['ConfigMap', configMap]] as const) {
      const told = `10 ${kind} hook is left out: as ${hook}, it does not belong to a deploy.`;
      expect(seen(withHook(annotation, head))).toEqual([['ConfigMap shop/settings'], [told]]);
    }
  });

  it.each([
    'helm.sh/hook: pre-install',
    'helm.sh/hook: post-install',
    'helm.sh/hook: pre-upgrade,pre-rollback',
    'helm.sh/hook: post-upgrade, pre-delete',
    'argocd.argoproj.io/hook: PreSync',
    'argocd.argoproj.io/hook: PostSync',
  ])('are refused when a Job or Pod would run at another moment of a deploy: %s', annotation => {
    for (const head of [undefined, 'apiVersion: v1\nkind: Pod']) {
      const [problem] = problemsOf(() => render(withHook(annotation, head)));
      expect(problem).toMatch(/^app\.yml:10:\d+ (Job|Pod) hook is a hook of /);
      expect(problem).toContain('`helm template --no-hooks` leaves all hooks out');
    }
  });

  it('are applied with the rest when nothing of them runs, and that is told', () => {
    expect(seen(withHook('helm.sh/hook: pre-install, pre-upgrade', configMap))).toEqual([
      ['ConfigMap shop/settings', 'ConfigMap shop/hook'],
      [
        '10 ConfigMap hook is a hook of Helm (helm.sh/hook: pre-install, pre-upgrade): it is applied together with everything else, and stays.',
      ],
    ]);
  });

  it.each(['helm.sh/hook: crd-install', 'argocd.argoproj.io/hook: Sync', 'example.com/hook: pre-delete'])(
    'are ordinary objects where the tool applies them with the rest: %s',
    annotation => {
      expect(seen(withHook(annotation))).toEqual([['ConfigMap shop/settings', 'Job shop/hook'], []]);
    },
  );

  it('are left out in both roles', () => {
    const text = `apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "site:v1"}]}
---
${withHook('helm.sh/hook: pre-delete')}`;
    const { resources, warnings } = renderBoth(text);
    expect(resources.shared.map(({ object }) => object.kind)).toEqual(['ConfigMap']);
    expect(warnings.map(({ message }) => message)).toEqual([
      'Job hook is left out: as a hook of Helm (helm.sh/hook: pre-delete), it does not belong to a deploy.',
    ]);
  });
});
