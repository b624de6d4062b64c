import type { StepLog } from '../../src/log.js';
import { OutgoingText } from '../../src/text.js';

/** A log that keeps its lines, without their levels; secrets are not masked. */
export interface ListLog extends StepLog {
  readonly lines: string[];
}

/** `debug: false` drops debug lines, as a run without step debugging does. Default: they are kept. */
export function listLog({ debug = true }: { readonly debug?: boolean } = {}): ListLog {
  const lines: string[] = [];
  const text = new OutgoingText();
  const keep = (line: string): void => void lines.push(line);
  return {
    lines,
    info: keep,
    debug: debug ? keep : () => undefined,
    warning: keep,
    error: keep,
    mask: secret => void text.hide(secret),
    hide: secret => void text.hide(secret),
    group: (_title, work) => work(),
    fail: keep,
    text,
  };
}
