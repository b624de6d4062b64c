/** A request that changes something in the cluster. */
export interface Write {
  /** `PATCH deployments/web`, `PUT leases/web`, `PATCH deployments/web/scale`. */
  readonly name: string;
  /** Whom a Lease has as its holder after it, '' for nobody; `same`: it does not say. Absent: it is no write to a Lease. */
  readonly holder?: string;
}

const changing: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/** Reviews store nothing, and what passes through a proxy does not reach the API server's objects. */
const harmless = /\/(selfsubject|subjectaccess|localsubjectaccess|token)\w*reviews$|\/proxy(\/|$)/;

/** The write that a request is; `undefined` for reads and dry runs. `body` is the text that was sent. */
export function writeOf(method: string, address: string, body: string): Write | undefined {
  const url = new URL(address, 'http://server');
  if (!changing.has(method) || url.searchParams.has('dryRun') || harmless.test(url.pathname)) return undefined;
  const [resource = '', name, ...subresource] = resourceOf(url.pathname);
  const sent = parse(body);
  const named = [resource, name ?? sent.metadata?.name ?? '', ...subresource].join('/');
  const holder = method === 'DELETE' ? '' : (sent.spec?.holderIdentity ?? 'same');
  return { name: `${method} ${named}`, ...(resource === 'leases' && { holder }) };
}

/** `['deployments', 'web', 'scale']` of `/apis/apps/v1/namespaces/shop/deployments/web/scale`. */
function resourceOf(path: string): readonly string[] {
  const parts = path.split('/').slice(1);
  const inGroup = parts.slice(parts[0] === 'api' ? 2 : 3);
  return inGroup[0] === 'namespaces' && inGroup.length > 2 ? inGroup.slice(2) : inGroup;
}

interface Sent {
  readonly metadata?: { readonly name?: string };
  readonly spec?: { readonly holderIdentity?: string };
}

function parse(body: string): Sent {
  try {
    return JSON.parse(body) as Sent;
  } catch {
    return {};
  }
}
