import { chmod } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { afterAll, describe, expect } from '@jest/globals';
import { startCluster } from '../support/scenario/cluster.js';
import { field } from '../support/field.js';
import { scenario } from '../support/scenario/scenario.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

const configMap = (name: string, value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {value: ${value}}\n`;

describe('Manifests as people write them', () => {
  scenario('are files, folders without excluded files, and the output of kustomize', cluster, async ns => {
    await ns.write({
      'top.yml': configMap('top', 'x'),
      'k8s/list.yml': `apiVersion: v1\nkind: ConfigMapList\nitems:\n- {metadata: {name: item}, data: {value: x}}\n`,
      'k8s/local.yml': configMap('local', 'x'),
      'overlays/prod/kustomization.yaml': 'resources: []\n',
      'overlays/prod/patch.yml': 'not: a manifest\n',
      'tools/kustomize': `#!/bin/sh\ncat <<'END'\n${configMap('built', '$<VALUE>')}END\n`,
    });
    await chmod(join(ns.workspace, 'tools/kustomize'), 0o755);
    const path = [join(ns.workspace, 'tools'), process.env['PATH'] ?? ''].join(delimiter);
    const { outputs, log } = await ns.given(
      {
        manifests: 'top.yml\nk8s\n!k8s/local.yml\noverlays/prod',
        variables: 'VALUE=8',
        release: 'maps',
        'stable-for': '0s',
      },
      { environment: { PATH: path } },
    );
    expect(outputs.outcome).toBe('deployed');
    const order = ['top.yml', 'k8s/list.yml', 'overlays/prod (built by kustomize)'];
    expect(log).toContain(['Manifests, in this order:', ...order].join('\n'));
    expect(field(await ns.get('ConfigMap', 'built'), 'data', 'value')).toBe('8');
    expect(await ns.get('ConfigMap', 'item')).toBeDefined();
    expect(await ns.get('ConfigMap', 'local')).toBeUndefined();
  });

  scenario('may have keys that every JavaScript object has', cluster, async ns => {
    const keys = ['constructor', 'toString', '__proto__', 'valueOf'];
    const texts = (value: string): string =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: texts}\ndata: {${keys.map(key => `${key}: ${value}`).join(', ')}}\n`;
    const inputs = { manifests: 'texts.yml', release: 'texts', 'stable-for': '0s' };
    const expectStored = async (value: string): Promise<void> => {
      const data = field(await ns.get('ConfigMap', 'texts'), 'data') as Readonly<Record<string, unknown>>;
      expect(keys.map(key => Object.getOwnPropertyDescriptor(data, key)?.value as unknown)).toEqual(
        keys.map(() => value),
      );
    };
    await ns.write({ 'texts.yml': texts('one') });
    await ns.given(inputs);
    await expectStored('one');
    await ns.write({ 'texts.yml': texts('two') });
    const planned = await ns.given({ ...inputs, action: 'plan' });
    for (const key of keys) expect(planned.log).toContain(`data.${key}: "one" → "two"`);
    await ns.given(inputs);
    await expectStored('two');
    await ns.given({ action: 'rollback', release: 'texts', 'stable-for': '0s' });
    await expectStored('one');
  });
});
