import { FAILSAFE_SCHEMA, load, YAMLException } from 'js-yaml';

/**
 * The text of a kubeconfig that is passed as content or as base64 of it. `undefined`: the value is a path. A path contains
 * neither a line break nor a key such as `clusters:`.
 */
export function kubeconfigText(value: string): string | undefined {
  if (value.trim().includes('\n') ? !isPacked(value) : isKubeconfig(value)) return value;
  const packed = value.replace(/\s+/g, '');
  if (!isPacked(packed)) return undefined;
  const text = Buffer.from(packed, 'base64').toString('utf8');
  return isKubeconfig(text) ? text : undefined;
}

const isKubeconfig = (text: string): boolean => /["']?(?:apiVersion|clusters|contexts|users)["']?\s*:/.test(text);
const isPacked = (text: string): boolean => /^[A-Za-z0-9+/_\s-]{40,}={0,2}\s*$/.test(text);

/** Keys of a kubeconfig whose values are credentials. */
const secretKeys = new Set([
  'token',
  'password',
  'client-key-data',
  'id-token',
  'access-token',
  'refresh-token',
  'client-secret',
]);
const secretName = /secret|token|password|passwd|credential|api[-_]?key|access[-_]?key/i;

/**
 * What must be masked of a kubeconfig: its base64 form as a whole, and every credential in it. Not the content as a
 * whole: the runner masks line by line, and masking lines such as `kind: Config` would make the log unreadable.
 */
export function kubeconfigSecrets(value: string): readonly string[] {
  const text = kubeconfigText(value);
  if (text === undefined) return [];
  const whole = value === text ? [] : [value.trim(), value.replace(/\s+/g, '')];
  return [...new Set([...whole, ...credentials(text)])];
}

function credentials(text: string): readonly string[] {
  try {
    return [...secretsIn(load(text, { schema: FAILSAFE_SCHEMA }))];
  } catch (thrown) {
    if (!(thrown instanceof YAMLException)) throw thrown;
    // Any part may be the secret, so every word that is long enough is masked.
    return [...text.matchAll(/[^\s"':]{20,}/g)].map(([word]) => word);
  }
}

function* secretsIn(node: unknown): Generator<string> {
  if (typeof node !== 'object' || node === null) return;
  const entries = Object.entries(node) as (readonly [string, unknown])[];
  for (const [key, value] of entries) {
    if (typeof value !== 'string') yield* secretsIn(value);
    else if (secretKeys.has(key)) yield value;
    else yield* secretFlag(value);
  }
  const { name, value } = node as { readonly name?: unknown; readonly value?: unknown };
  if (typeof name === 'string' && typeof value === 'string' && secretName.test(name)) yield value;
}

/** The value of `--client-secret=…` among the arguments of an exec plugin. */
function* secretFlag(text: string): Generator<string> {
  const [, flag, value] = /^--?([A-Za-z-]+)=(.+)$/.exec(text) ?? [];
  if (flag !== undefined && value !== undefined && secretName.test(flag)) yield value;
}
