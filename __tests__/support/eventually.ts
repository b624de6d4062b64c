/** Polls `look` until it has a result. Throws after `waitMs`, by default 10 s. */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  waitMs = 10_000,
): Promise<T> {
  const end = Date.now() + waitMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (Date.now() > end) throw new Error(`waited ${waitMs / 1000} s for ${what}`);
    await new Promise(done => setTimeout(done, 20));
  }
}
