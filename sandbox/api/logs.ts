import type { ServerResponse } from 'node:http';
import { objectsAt, textAt } from './json.js';
import type { Registry } from './registry.js';
import { isTrue, type ResourceRequest } from './request.js';
import type { Runtime } from './runtime.js';
import { badRequest } from './status.js';

/** Sends the log of a container as text. `follow` sends what is there and ends. Throws 404 and 400. */
export function sendLog(
  registry: Registry,
  runtime: Runtime,
  call: { request: ResourceRequest; response: ServerResponse },
): void {
  const { request, response } = call;
  const { kind, namespace, name, query } = request;
  const pod = registry.need(kind, { namespace, name });
  const names = ['containers', 'initContainers']
    .flatMap(list => objectsAt(pod, 'spec', list))
    .map(one => textAt(one, 'name') ?? '');
  const mains = objectsAt(pod, 'spec', 'containers').map(one => textAt(one, 'name') ?? '');
  const asked = query.get('container');
  if (asked === null && mains.length > 1) {
    throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${mains.join(' ')}]`);
  }
  const container = asked ?? mains[0] ?? '';
  if (!names.includes(container)) throw badRequest(`container ${container} is not valid for pod ${name}`);
  const previous = isTrue(query.get('previous'));
  const tail = query.get('tailLines');
  const text = runtime.logs({
    namespace,
    name,
    container,
    previous,
    ...(tail === null ? {} : { tailLines: Number(tail) }),
  });
  if (text === undefined) {
    throw badRequest(
      previous
        ? `previous terminated container "${container}" in pod "${name}" not found`
        : `container "${container}" in pod "${name}" is waiting to start: ContainerCreating`,
    );
  }
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.end(text);
}
