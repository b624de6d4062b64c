import { describe, expect, it } from '@jest/globals';
import { sensitiveValues } from '../../src/manifests/placeholders/substitution.js';
import { hideSensitive, hideValue } from '../../src/manifests/sensitive-fields.js';
import { readDocuments } from '../../src/manifests/yaml/documents.js';
import { listLog } from '../support/log.js';

/** What a log shows of a value that a manifest gets from a variable. */
function shown(manifest: string, [name, value]: readonly [name: string, value: string]): string {
  const log = listLog();
  const { documents } = readDocuments([{ file: 'a.yml', text: manifest }]);
  const sources = { variables: {}, builtIns: {}, environment: { [name]: value } };
  for (const found of sensitiveValues(documents, 'on', sources)) hideValue(log, found);
  return log.text.safe(`it is ${value}`);
}

describe('A value of the environment', () => {
  it.each([
    ['a short word of a variable that is named as a secret', 'a: $<DB_PASSWORD>', 'DB_PASSWORD', 'canary'],
    ['a short number of such a variable', 'a: $<USER_PIN>', 'USER_PIN', '4711'],
    ['a short word for a key that is named as a secret', 'data: {db.password: $<DB>}', 'DB', 'canary'],
    ['a short word for a variable of a container', 'env: [{name: API_KEY, value: $<A>}]', 'A', 'canary'],
    ['a short word that a text assigns to such a name', 'args: ["-v", "--db-password=$<DB>"]', 'DB', 'canary'],
    ['a short word that a line assigns to such a name', 'a: |\n  user=a\n  token: "$<DB>"\n', 'DB', 'canary'],
    ['the same, with the name behind it', 'env: [{value: $<A>, name: API_KEY}]', 'A', 'canary'],
    ['a short word that a field with such a name holds', 'password: {value: $<A>}', 'A', 'canary'],
    ['a short word for a name in one word', 'userPin: $<A>', 'A', 'canary'],
    ['a short word for a name that begins with capitals', 'DBPw: $<A>', 'A', 'canary'],
    ['a short number for a name in one word', 'loginOtp: $<A>', 'A', '47114'],
    ['letters that are no word', 'a: $<DB>', 'DB', 'qWertzCan'],
    ['more than a word', 'a: $<DB>', 'DB', 'canary-1'],
  ])('is hidden: %s', (_what, manifest, ...variable) => {
    expect(shown(manifest, variable)).toBe('it is ***');
  });

  it.each([
    ['a word', 'a: $<STAGE>', 'STAGE', 'production'],
    ['a small number', 'a: $<PORT>', 'PORT', '8080'],
    ['a switch, whatever its name', 'a: $<USE_TOKEN>', 'USE_TOKEN', 'true'],
    ['a fact about a secret', 'a: $<TOKEN_TTL>', 'TOKEN_TTL', '3600'],
    [
      'a value beside a name that is not its own',
      'secret: {type: token, value: $<PORT>}\npassword: {a: b}',
      'PORT',
      '8080',
    ],
    ['a number of them', 'a: $<MAX_TOKENS>', 'MAX_TOKENS', '4096'],
    ['three characters', 'a: $<PASSWORD>', 'PASSWORD', 'abc'],
    ['the name of an object', 'metadata: {name: $<PASSWORD>}', 'PASSWORD', 'canary'],
  ])('is shown outside of diffs: %s', (_what, manifest, ...variable) => {
    expect(shown(manifest, variable)).toBe(`it is ${variable[1]}`);
  });

  it('is hidden by the name of its field where it is on record or live', () => {
    const log = listLog();
    const fields = [
      ['spec', 'env', 'name=DB_PASSWORD', 'value'],
      ['spec', 'env', 'name=STAGE', 'value'],
      ['spec', 'token'],
      ['spec', 'password', 'value'],
    ];
    hideSensitive(log, [
      {
        apiVersion: 'example.org/v1',
        kind: 'App',
        metadata: { name: 'web', annotations: { 'cutover/from-environment': JSON.stringify(fields) } },
        spec: {
          env: [
            { name: 'DB_PASSWORD', value: 'canary' },
            { name: 'STAGE', value: 'prod' },
          ],
          token: 'horse',
          password: { value: 'battery' },
        },
      },
    ]);
    expect(log.text.safe('canary, horse, battery, prod')).toBe('***, ***, ***, prod');
  });
});
