/** Names of variables and keys that tell of a secret: the second net, for values that do not come from the environment. */
export const telling =
  /pass|pwd|secret|token|cred|private|(?<=[\w.-])key|auth|dsn|salt|cert|\.pem|signing|signature|session|cookie|webhook|bearer|jwt|conn(?:ection)?.?str/i;

/** The same for the members of all objects, most of which are names of Kubernetes. */
export const tellingMember = /(?:passw(?:or)?d|passphrase|pwd|token|secret|api.?key|private.?key|dsn|credentials?)$/i;

const holdsSecret = new RegExp(
  `(?:${tellingMember.source.slice(0, -1)}|(?:^|[._-])(?:pass|pw|salt|auth|cred|cookie|jwt|pin|otp)|[\\w.-]key)[._-]?\\d*$`,
  'i',
);

/**
 * Whether a variable or key of this name holds a secret itself, such as `DB_PASSWORD` or `userPin`, and not a fact about one, such
 * as `TOKEN_TTL`.
 */
export function namesSecret(name: string): boolean {
  const words = name.replace(/([a-z\d])([A-Z])/g, '$1_$2').replace(/([A-Z])([A-Z][a-z])/g, '$1_$2');
  return holdsSecret.test(words);
}
