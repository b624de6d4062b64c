import type { JsonObject } from './json.js';
import { apiVersionOf, type Kind, type Kinds } from './kinds.js';

const documentPath = (apiVersion: string): string =>
  apiVersion.includes('/') ? `apis/${apiVersion}` : `api/${apiVersion}`;

/** Query parameters that kubectl requires before it uses server-side field validation and dry runs. */
const writeParameters = ['dryRun', 'fieldManager', 'fieldValidation'].map(name => ({
  name,
  in: 'query',
  schema: { type: 'string', uniqueItems: true },
}));

function pathsOf(kind: Kind): JsonObject {
  const base = `/${documentPath(apiVersionOf(kind))}/${kind.namespaced ? 'namespaces/{namespace}/' : ''}${kind.plural}`;
  const gvk = { group: kind.group, version: kind.version, kind: kind.kind };
  const operation = (action: string): JsonObject => ({
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': gvk,
    parameters: writeParameters,
    responses: {},
  });
  return {
    [base]: { post: operation('post') },
    [`${base}/{name}`]: { patch: operation('patch'), put: operation('put') },
  };
}

/**
 * Small OpenAPI v3 documents: which writes take which parameters, no schemas of fields. `undefined`: no such document.
 */
export function openapi(path: string, kinds: Kinds): JsonObject | undefined {
  const versions = [...new Set(kinds.all().map(apiVersionOf))];
  if (path === '/openapi/v3') {
    const entries = versions.map(apiVersion => [
      documentPath(apiVersion),
      { serverRelativeURL: `/openapi/v3/${documentPath(apiVersion)}` },
    ]);
    return { paths: Object.fromEntries(entries) as JsonObject };
  }
  const apiVersion = versions.find(candidate => path === `/openapi/v3/${documentPath(candidate)}`);
  if (apiVersion === undefined) return undefined;
  const served = kinds.all().filter(kind => apiVersionOf(kind) === apiVersion);
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.37.1' },
    paths: Object.assign({}, ...served.map(pathsOf)) as JsonObject,
    components: { schemas: {} },
  };
}
