/** How long and how often {@link eventually} looks, in milliseconds. A number is the deadline alone. */
export type Patience = number | { readonly waitMs: number; readonly everyMs: number };

/** Polls `look` until it has a result. Throws after the deadline; by default it looks every 20 ms for 10 s. */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  patience: Patience = 10_000,
): Promise<T> {
  const { waitMs, everyMs } = typeof patience === 'number' ? { waitMs: patience, everyMs: 20 } : patience;
  const end = Date.now() + waitMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (Date.now() > end) throw new Error(`waited ${waitMs / 1000} s for ${what}`);
    await new Promise(done => setTimeout(done, everyMs));
  }
}
