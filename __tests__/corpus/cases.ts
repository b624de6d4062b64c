import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { CutoverError } from '../../src/errors.js';
import { images } from '../../src/inputs/parse/images.js';
import { where, type Position } from '../../src/log.js';
import { loadManifests } from '../../src/manifests/files/load.js';
import { describeRef, refOf } from '../../src/kubernetes/object.js';
import { renderManifests } from '../../src/manifests/render.js';
import { renderRoles } from '../../src/manifests/roles/render.js';
import type { Resource } from '../../src/manifests/resource.js';
import { readDocuments } from '../../src/manifests/yaml/documents.js';
import type { LintContext } from '../../src/plan/lint/rule.js';
import { lintResources } from '../../src/plan/lint/lint.js';
import { orderWaves } from '../../src/plan/waves.js';

const folder = resolve('__tests__', 'corpus');

/** A manifest of the corpus. A comment `# corpus: {…}` in it says with which inputs it is rendered. */
export interface CorpusCase {
  /** As in `kinds/pod.yml`. */
  readonly file: string;
  /** Its first comment; the file's name if there is none, as in JSON. */
  readonly title: string;
  /** Path of the expected outcome. */
  readonly golden: string;
  readonly inputs: {
    readonly images?: string;
    readonly substitution?: 'on' | 'strict-only' | 'off';
    /** Present: blue/green. */
    readonly roles?: readonly [string, string];
  };
}

const goldenName = /\.golden\.json$/;

const paths = (): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).map(path => relative(folder, join(folder, path)));

export function corpusCases(): readonly CorpusCase[] {
  const files = paths().filter(path => /\.(yml|json)$/.test(path) && !goldenName.test(path));
  return files.toSorted().map(file => {
    const text = readFileSync(join(folder, file), 'utf8');
    const options = /^# corpus: (.*)$/m.exec(text)?.[1] ?? '{}';
    return {
      file,
      title: /^\uFEFF?# (.*?)\r?$/m.exec(text)?.[1] ?? file,
      golden: join(folder, file.replace(/\.(yml|json)$/, '.golden.json')),
      inputs: JSON.parse(options) as CorpusCase['inputs'],
    };
  });
}

/** Paths of expected outcomes that no manifest of the corpus has. */
export function orphans(): readonly string[] {
  const known = new Set(corpusCases().map(({ golden }) => golden));
  return paths().filter(path => goldenName.test(path) && !known.has(join(folder, path)));
}

const variables = {
  TAG: '1.10',
  TOMCAT: '8',
  LEVEL: 'info',
  REPLICAS: '3',
  FLAG: 'true',
  EMPTY: '',
  HOSTILE: 'a\nb: "c" # d\n---\nkind: Pod',
};

const told = ({ message, at }: { readonly message: string; readonly at?: Position }): string =>
  at === undefined ? message : `${where(at)} ${message}`;
const objectsOf = (resources: readonly Resource[]) => resources.map(({ object }) => object);

/** In which order a cluster that has none of them would get the objects, and what in them would drop requests. */
function planOf(context: Pick<LintContext, 'strategy' | 'idle' | 'resources' | 'publicServices'>): unknown {
  const { resources } = context;
  const waves = orderWaves(resources).map(({ name, items }) => {
    return `${name}: ${items.map(({ object }) => describeRef(refOf(object))).join(', ')}`;
  });
  const planned = resources.map(resource => ({ resource, change: 'created' as const }));
  const { findings } = lintResources({ ...context, planned, active: [] });
  return { waves, findings: findings.map(({ code, message, at }) => `${where(at)} ${code}: ${message}`) };
}

/** What becomes of a manifest: objects, plan and warnings, or errors. */
export async function outcomeOf({ file, inputs }: CorpusCase): Promise<unknown> {
  const files = await loadManifests({ patterns: [file], workspace: folder, environment: {} });
  const request = {
    manifests: readDocuments(files),
    variables,
    builtIns: { NAMESPACE: 'shop' },
    environment: {},
    substitution: inputs.substitution ?? 'on',
    images: images(inputs.images ?? ''),
    namespace: 'shop',
    release: 'web',
    preStopSeconds: 5,
  };
  try {
    if (inputs.roles === undefined) {
      const { resources, warnings } = renderManifests(request);
      const plan = planOf({ strategy: 'rolling', resources, idle: new Set(), publicServices: [] });
      return { objects: objectsOf(resources), plan, warnings: warnings.map(told) };
    }
    const { resources, warnings } = renderRoles({ ...request, roles: inputs.roles });
    const { of, publicServices, shared } = resources;
    const [first] = inputs.roles;
    const own = of[first] ?? [];
    const switched = publicServices[first] ?? [];
    const plan = planOf({
      strategy: 'blue-green',
      resources: [...shared, ...own, ...switched],
      idle: new Set(own),
      publicServices: switched,
    });
    return {
      roles: Object.fromEntries(Object.entries(of).map(([role, own]) => [role, objectsOf(own)])),
      public: Object.fromEntries(Object.entries(publicServices).map(([role, [main]]) => [role, main?.object])),
      shared: objectsOf(shared),
      plan,
      warnings: warnings.map(told),
    };
  } catch (thrown) {
    if (!(thrown instanceof CutoverError)) throw thrown;
    return { errors: thrown.problems.map(told), ...(thrown.hint !== undefined && { hint: thrown.hint }) };
  }
}
