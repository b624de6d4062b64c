/** How a failing image fails: the word at the end of its tag. IMAGES.md says what each does. */
export type FailureTag = 'broken' | 'never-ready' | 'slow' | 'http500' | 'wrong';

/** What a tag says: `9-http500` is version 9, failing with http500; a tag that is only a failure tag is its own version. */
export interface ImageTag {
  readonly version: string;
  /** Absent: the image works. */
  readonly failure?: FailureTag;
}

/** Splits a tag into its version and the failure tag at its end. */
export function parseTag(tag: string, failures: readonly FailureTag[]): ImageTag {
  const failure = failures.find(word => tag === word || tag.endsWith(`-${word}`));
  if (failure === undefined) return { version: tag };
  return { version: tag === failure ? tag : tag.slice(0, -failure.length - 1), failure };
}
