import { longestWriteMs } from '../cluster/http/write-fence.js';

export { longestWriteMs };

/** How long a Lease lasts after its last renewal, in milliseconds. */
export const leaseMs = 60_000;

/** Time between two renewals: several may fail before a write has to wait. */
export const renewEveryMs = 10_000;
