import type { Patience } from './readiness.js';
import { controllerToleranceMs } from './readiness.js';

/** How long the API server tries a request again whose webhook does not answer: so long it may take its pods to start. */
const webhookToleranceMs = 120_000;

/** How long a refusal to create pods must last before it counts. `message`: what the API server answered to the controller. */
export function patienceWith(message: string): Patience {
  if (message.includes('exceeded quota')) return { toleranceMs: controllerToleranceMs, mayEndWith: 'pods' };
  // A webhook that answered has denied the request, in other words.
  return { toleranceMs: /failed calling webhook/.test(message) ? webhookToleranceMs : controllerToleranceMs };
}
