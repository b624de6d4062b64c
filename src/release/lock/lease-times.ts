/** The durations of the lock. The build of the tests replaces this file by shorter ones (scripts/test-bundle.js). */

/** How long a Lease holds after its last renewal, in milliseconds. */
export const leaseMs = 60_000;

/** The longest time that one write to the API server may take, in milliseconds. */
export const longestWriteMs = 30_000;

/** Milliseconds between two renewals of the Lease. */
export const renewEveryMs = 10_000;
