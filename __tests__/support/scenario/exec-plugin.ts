import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dump, load } from 'js-yaml';
import type { TestNamespace } from './test-namespace.js';

/** A kubeconfig whose credentials come from an exec plugin. */
export interface PluginKubeconfig {
  /** YAML. */
  readonly kubeconfig: string;
  /** How often the plugin ran since this kubeconfig was created. */
  runs(): Promise<number>;
}

/** Replaces the token of a kubeconfig by an exec plugin that prints it. */
export async function kubeconfigWithPlugin(
  { workspace }: TestNamespace,
  kubeconfig: string,
): Promise<PluginKubeconfig> {
  const file = load(kubeconfig) as { readonly users: readonly { name: string; user: { token?: string } }[] };
  const token = file.users[0]?.user.token;
  const credential = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token } };
  const command = join(workspace, 'plugin');
  const counter = join(workspace, 'plugin-runs');
  await writeFile(counter, '');
  await writeFile(command, `#!/bin/sh\nprintf x >> '${counter}'\nprintf '%s' '${JSON.stringify(credential)}'\n`);
  await chmod(command, 0o755);
  const exec = { apiVersion: credential.apiVersion, command, interactiveMode: 'Never' };
  return {
    kubeconfig: dump({ ...file, users: file.users.map(({ name }) => ({ name, user: { exec } })) }),
    runs: async () => (await readFile(counter, 'utf8')).length,
  };
}
