/** Decides when a write may be sent, so that no write of a run reaches the API server once another run may write. */
export interface WriteFence {
  /** Resolves once a write may be sent; rejects when none may ever be sent again. */
  ready(): Promise<void>;
  /** Whether a write that is sent now ends before another holder can write. */
  isOpen(): boolean;
}

/** Milliseconds after which the API server and this process give up a write. */
export const longestWriteMs = 30_000;
