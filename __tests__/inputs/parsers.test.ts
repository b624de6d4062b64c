import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { duration, writeDuration } from '../../src/inputs/parse/durations.js';
import { images } from '../../src/inputs/parse/images.js';
import { entries } from '../../src/inputs/parse/lists.js';
import { nearest, nearestNames } from '../../src/inputs/parse/nearest.js';
import { idlePolicy, idleReplicas, preStop } from '../../src/inputs/parse/policies.js';
import { recreate } from '../../src/inputs/parse/recreate.js';
import { Refusal } from '../../src/inputs/refusal.js';
import { variables } from '../../src/inputs/parse/variables.js';

/** Why a parser refuses: the reasons, or the values accepted. */
function refused(parse: () => unknown): readonly string[] {
  try {
    parse();
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    return thrown.accepted === undefined ? thrown.reasons : [thrown.accepted];
  }
  throw new Error('the value was accepted');
}

describe('a duration', () => {
  it.each([
    ['500ms', 500],
    ['0s', 0],
    ['30s', 30_000],
    ['10m', 600_000],
    ['1h30m', 5_400_000],
    ['1m30s250ms', 90_250],
    ['120h', 432_000_000],
  ])('%s is %i milliseconds', (text, ms) => {
    expect(duration()(text)).toBe(ms);
  });

  it.each(['', 's', 'h1', '1s1m', '1.5h', '-1s', '10 m', '10M', '1d', '1m1m', '121h', '99999999999h'])(
    '%j is not a duration',
    text => {
      expect(refused(() => duration()(text))).toEqual(['a duration such as 500ms, 30s, 10m or 1h30m, at most 120h']);
    },
  );

  it('is parsed back from its written form', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 432_000_000 }), ms => {
        expect(duration()(writeDuration(ms))).toBe(ms);
      }),
    );
  });
});

describe('a list', () => {
  it.each([
    ['a', ['a']],
    ['a\nb', ['a', 'b']],
    ['a, b,,\n\n c ,', ['a', 'b', 'c']],
    ['k8s/{web,worker}.yml,other', ['k8s/{web,worker}.yml', 'other']],
    ['other,k8s/{web,worker}.yml\n{a,b}/{c,d}', ['other', 'k8s/{web,worker}.yml', '{a,b}/{c,d}']],
    ['odd{a,b', ['odd{a', 'b']],
    ['!k8s/old', ['!k8s/old']],
  ])('%j has the entries %j', (text, expected) => {
    expect(entries(text)).toEqual(expected);
  });
});

describe('the idle policy', () => {
  it.each(['keep', 'scale-down', 'hot-backup'])('accepts %s', text => {
    expect(idlePolicy(text)).toBe(text);
  });

  it.each(['hot-backups', 'scale-down 2', 'scale-downs', 'Keep'])('refuses %j', text => {
    expect(refused(() => idlePolicy(text))).toEqual(['keep | scale-down | hot-backup']);
  });

  it.each(['scale-down:', 'scale-down: 2', 'scale-down: -1', 'scale-down: 1.5'])(
    'names the input for the number of pods when it refuses %j',
    text => {
      expect(refused(() => idlePolicy(text))).toEqual([
        'keep | scale-down | hot-backup (the number of pods that stay is the input "idle-replicas")',
      ]);
    },
  );

  it('leaves 0 to 999999 pods', () => {
    expect(['0', '2', '999999'].map(idleReplicas)).toEqual([0, 2, 999_999]);
    for (const text of ['-1', '1.5', '1000000', 'few']) {
      expect(refused(() => idleReplicas(text))).toEqual(['a whole number, from 0 to 999999']);
    }
  });
});

describe('the preStop sleep', () => {
  it.each([
    ['auto', { seconds: 5, explicit: false }],
    ['off', { explicit: true }],
    ['5s', { seconds: 5, explicit: true }],
    ['1m', { seconds: 60, explicit: true }],
  ])('is set by %s', (text, expected) => {
    expect(preStop(text)).toEqual(expected);
  });
});

describe('images', () => {
  const digest = `sha256:${'a'.repeat(64)}`;

  it.each([
    ['nginx:1.27', 'nginx'],
    ['acme/web:v1', 'acme/web'],
    ['ghcr.io/acme/web:12', 'ghcr.io/acme/web'],
    ['localhost:5000/acme/web:12', 'localhost:5000/acme/web'],
    ['registry.acme.test:5000/a/b_c/d-e.f:1', 'registry.acme.test:5000/a/b_c/d-e.f'],
    [`acme/web@${digest}`, 'acme/web'],
    [`acme/web:v1@${digest}`, 'acme/web'],
  ])('%s is for every use of the repository %s', (image, repository) => {
    expect(images(image)).toEqual([{ by: 'repository', repository, image }]);
  });

  it('with a container name are for that container alone', () => {
    expect(images(`web=acme/web:v1\nsidecar = envoy@${digest}`)).toEqual([
      { by: 'container', container: 'web', image: 'acme/web:v1' },
      { by: 'container', container: 'sidecar', image: `envoy@${digest}` },
    ]);
  });

  it('are all checked before the step stops', () => {
    const form = 'write repository:tag, repository@sha256:<64 hex digits> or container=image';
    const text = [
      'acme/web',
      'Acme/web:1',
      'Web=acme/web:1',
      'acme/web@sha256:123',
      'acme/web:-1',
      'a:1',
      'docker.io/library/a:2',
      'c=a:1',
      'c=b:1',
      '=a:1',
    ];
    expect(refused(() => images(text.join('\n')))).toEqual([
      `"acme/web" has neither a tag nor a digest, so its version is unknown; ${form}`,
      `"Acme/web:1" is not an image (a repository is lower case); ${form}`,
      `"Web=acme/web:1" does not begin with a container name; ${form}`,
      `"acme/web@sha256:123" is not an image (its digest is not sha256:<64 hex digits>); ${form}`,
      `"acme/web:-1" is not an image (a tag has up to 128 letters, digits, _, . and -, and does not begin with . or -); ${form}`,
      '"docker.io/library/a:2" names repository docker.io/library/a a second time',
      '"c=b:1" names container c a second time',
      `"=a:1" does not begin with a container name; ${form}`,
    ]);
  });
});

describe('variables', () => {
  it.each([
    ['A=1', { A: '1' }],
    ['# a comment\n\n A = 1 \nB=x=y # not a comment\nC=', { A: '1', B: 'x=y # not a comment', C: '' }],
    ['URL=http://a: b', { URL: 'http://a: b' }],
    ['QUOTED="x"', { QUOTED: '"x"' }],
    ['VERSION: 1.10\nYES: yes\nNOTHING:\nOCTAL: 0644', { VERSION: '1.10', YES: 'yes', NOTHING: '', OCTAL: '0644' }],
    ['TEXT: |\n  two\n  lines\n', { TEXT: 'two\nlines\n' }],
    ['{"A": "x=y", "B": 2, "C": true}', { A: 'x=y', B: '2', C: 'true' }],
    ['"A": x', { A: 'x' }],
    ['{}', {}],
  ])('%j are %j', (text, expected) => {
    expect(variables(text)).toEqual(expected);
  });

  it.each([
    ['A=1\nA=2', ['A is set twice']],
    ['A-B=1\n1A=2', [notName(1), notName(2)]],
    ['A=1\nB', ['entry 2 has no "="; write NAME=value']],
    ['A: [1]\nB: {c: d}', ['A is not text; quote it', 'B is not text; quote it']],
    ['A: 1\nA: 2', ['cannot be read as a YAML map: duplicated mapping key']],
    ['- A', ['neither NAME=value lines nor a YAML or JSON map']],
    ['just text', ['neither NAME=value lines nor a YAML or JSON map']],
    ['{"A": ', [expect.stringContaining('cannot be read as a YAML map: ')]],
  ])('%j are refused', (text, reasons) => {
    expect(refused(() => variables(text))).toEqual(reasons);
  });

  function notName(entry: number): string {
    return `entry ${entry} has no valid name; use letters, digits and _, not beginning with a digit`;
  }

  it('keep the text of a line exactly', () => {
    const value = fc
      .string()
      .filter(text => !/[\r\n]/.test(text))
      .map(text => text.trim());
    fc.assert(
      fc.property(value, text => {
        expect(variables(`NAME=${text}`)).toEqual({ NAME: text });
      }),
    );
  });

  it('never take a name from the prototype of objects', () => {
    expect(Object.hasOwn(variables('__proto__=x'), '__proto__')).toBe(true);
    expect(variables('constructor=x')).toEqual({ constructor: 'x' });
  });
});

describe('the nearest name', () => {
  it.each([
    ['manifest', 'manifests'],
    ['mainfests', 'manifests'],
    ['VERIFY', 'verify'],
    ['create_namespace', 'create-namespace'],
    ['time-out', 'timeout'],
    ['strategies', 'strategy'],
    ['xyz', undefined],
    ['xx', undefined],
    ['', undefined],
  ])('to %j is %j', (word, expected) => {
    expect(nearest(word, ['verify', 'manifests', 'create-namespace', 'timeout', 'strategy', 'to'])).toBe(expected);
  });

  it.each([
    ['TOMCAT_VERSON', ['TOMCAT_VERSION', 'TARGET_ROLE'], ['TOMCAT_VERSION']],
    ['target_role', ['TOMCAT_VERSION', 'TARGET_ROLE'], ['TARGET_ROLE']],
    ['AB', ['AX', 'AY', 'AZ', 'AW', 'XY'], ['AX', 'AY', 'AZ']],
    ['SHORT_SHAH', ['SHORTSHAH', 'SHORT_SHA', 'short-shah', 'SHORT_SHA'], ['short-shah', 'SHORTSHAH', 'SHORT_SHA']],
    ['X', [], []],
  ])('to %j among %j are %j, at most three, the nearest first, none twice', (word, names, near) => {
    expect(nearestNames(word, names)).toEqual(near);
  });

  it('to a word with a letter lost or two swapped is the word', () => {
    const word = 'rollback-on-failure';
    fc.assert(
      fc.property(fc.integer({ min: 0, max: word.length - 2 }), at => {
        const lost = word.slice(0, at) + word.slice(at + 1);
        const swapped = word.slice(0, at) + word.charAt(at + 1) + word.charAt(at) + word.slice(at + 2);
        expect([nearest(lost, [word]), nearest(swapped, [word])]).toEqual([word, word]);
      }),
    );
  });
});

describe('what may be recreated', () => {
  it.each([
    ['jobs', { jobs: true, objects: [] }],
    ['none', { jobs: false, objects: [] }],
    ['StatefulSet/db', { jobs: false, objects: [{ kind: 'StatefulSet', name: 'db' }] }],
    ['statefulset/db, jobs', { jobs: true, objects: [{ kind: 'statefulset', name: 'db' }] }],
    [
      'Deployment/web-blue\nDeployment/web-green',
      {
        jobs: false,
        objects: [
          { kind: 'Deployment', name: 'web-blue' },
          { kind: 'Deployment', name: 'web-green' },
        ],
      },
    ],
  ])('%j is accepted', (text, policy) => {
    expect(recreate(text)).toEqual(policy);
  });

  it('refuses malformed entries and kinds that are never deleted, all at once', () => {
    expect(refused(() => recreate('job, Service/web, PersistentVolumeClaim/data, Deployment/Web'))).toEqual([
      '"job" is neither jobs, none nor kind/name such as StatefulSet/db',
      '"Service/web": a Service is never deleted and recreated, because no manifest can restore what is lost with it',
      '"PersistentVolumeClaim/data": a PersistentVolumeClaim is never deleted and recreated, because no manifest can restore what is lost with it',
      '"Deployment/Web" is neither jobs, none nor kind/name such as StatefulSet/db',
    ]);
  });
});
