import { isFields, listAt, textAt } from '../../kubernetes/fields.js';
import { telling } from '../../manifests/telling-names.js';
import type { KubeconfigContext } from './kubeconfig.js';

/** The secrets of a context: credentials of the user, what its exec plugin gets, and passwords in addresses. */
export function secretsIn({ user, cluster }: KubeconfigContext): readonly string[] {
  const texts = [
    ...['token', 'password', 'client-key-data'].map(key => textAt(user, [key])),
    ...['id-token', 'refresh-token', 'access-token', 'client-secret'].map(key =>
      textAt(user, ['auth-provider', 'config', key]),
    ),
    ...pluginSecrets(user['exec']),
    ...[cluster.server, textAt(cluster, ['proxy-url'])].flatMap(passwordsIn),
  ];
  return texts.filter(text => text !== undefined);
}

/** The variables and arguments of a plugin that have the name of a secret: `--client-secret=VALUE` and `--client-secret VALUE`. */
function pluginSecrets(exec: unknown): readonly (string | undefined)[] {
  const variables = listAt(exec, ['env']).filter(one => isFields(one) && telling.test(textAt(one, ['name']) ?? ''));
  const options = listAt(exec, ['args']).map(String);
  const values = options.flatMap((option, index) => {
    const [, name = '', value] = /^-[^=]*?([\w.-]+)(?:=(.*))?$/.exec(option) ?? [];
    return telling.test(name) ? [value ?? options[index + 1]] : [];
  });
  return [...variables.map(one => textAt(one, ['value'])), ...values.filter(value => value?.startsWith('-') !== true)];
}

/** The password of an address, as it is written and decoded. */
function passwordsIn(address: string | undefined): readonly string[] {
  const password = address !== undefined && URL.canParse(address) ? new URL(address).password : '';
  return password === '' ? [] : [password, decoded(password)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
