import type { ServerResponse } from 'node:http';
import { objectAt, objectsAt, textAt, type JsonObject } from '../schema/json.js';
import type { Registry } from '../store/registry.js';
import { isTrue, type ResourceRequest } from './request.js';
import type { Runtime } from '../store/runtime.js';
import { badRequest, invalid, invalidValue } from './status.js';

/** Sends the log of a container as text. `follow` sends the present log and ends. Throws 404, 400 and 422. */
export function sendLog(
  registry: Registry,
  runtime: Runtime,
  call: { request: ResourceRequest; response: ServerResponse },
): void {
  const { request, response } = call;
  const { kind, namespace, name, query } = request;
  const pod = registry.need(kind, { namespace, name });
  const names = ['initContainers', 'containers']
    .flatMap(list => objectsAt(pod, 'spec', list))
    .map(one => textAt(one, 'name') ?? '');
  const mains = objectsAt(pod, 'spec', 'containers').map(one => textAt(one, 'name') ?? '');
  const asked = query.get('container');
  if (asked === null && mains.length > 1) {
    throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${names.join(' ')}]`);
  }
  const container = asked ?? mains[0] ?? '';
  if (!names.includes(container)) throw badRequest(`container ${container} is not valid for pod ${name}`);
  for (const option of ['tailLines', 'limitBytes']) {
    const least = option === 'tailLines' ? 0 : 1;
    const value = Number(query.get(option) ?? least);
    if (value >= least) continue;
    const error = invalidValue(option, value, `must be greater than ${least === 0 ? 'or equal to 0' : '0'}`);
    throw invalid({ group: '', plural: 'PodLogOptions', kind: 'PodLogOptions' }, name, [error]);
  }
  const previous = isTrue(query.get('previous'));
  const tail = query.get('tailLines');
  const text = runtime.logs({
    namespace,
    name,
    container,
    previous,
    ...(tail === null ? {} : { tailLines: Number(tail) }),
  });
  // The pod is on no node yet.
  if (text === undefined && textAt(objectAt(pod, 'spec'), 'nodeName') === undefined) {
    response.writeHead(204).end();
    return;
  }
  if (text === undefined) {
    throw badRequest(
      previous
        ? `previous terminated container "${container}" in pod "${name}" not found`
        : `container "${container}" in pod "${name}" is waiting to start: ${waitOf(pod, container)}`,
    );
  }
  response.writeHead(200, { 'content-type': 'text/plain' });
  const limit = query.get('limitBytes');
  response.end(limit === null ? text : Buffer.from(text).subarray(0, Number(limit)));
}

/** The reason why the container waits, in the kubelet's words. */
function waitOf(pod: JsonObject, container: string): string {
  const statuses = ['containerStatuses', 'initContainerStatuses'].flatMap(list => objectsAt(pod, 'status', list));
  const status = statuses.find(({ name }) => name === container);
  const reason = textAt(objectAt(status, 'state', 'waiting'), 'reason') ?? 'ContainerCreating';
  return /^(ErrImagePull|ImagePullBackOff)$/.test(reason) ? 'trying and failing to pull image' : reason;
}
