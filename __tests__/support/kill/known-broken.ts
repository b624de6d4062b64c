/** A group of rows that fail today. */
interface Known {
  /** `rolling: an update`. */
  readonly situation: string;
  /** `done, lost: PATCH deployments/web #1`. */
  readonly rows: readonly string[];
  readonly why: string;
}

/** Rows that fail today, with the reason. A row that no longer fails must leave the list. */
export const knownBroken: readonly Known[] = [];
