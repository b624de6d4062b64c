import { describe, expect, it } from '@jest/globals';
import type { Log } from '../../src/log.js';
import { imageStatus } from '../../src/registry/answer.js';
import { OutgoingText } from '../../src/text.js';
import { attemptRun } from '../../src/verify/run-check.js';
import { quote } from '../../src/verify/quote.js';

function door(...secrets: readonly string[]): { text: OutgoingText; lines: string[]; log: Log } {
  const text = new OutgoingText();
  for (const secret of secrets) text.hide(secret);
  const lines: string[] = [];
  const log = { info: (line: string) => lines.push(text.safe(line)) } as unknown as Log;
  return { text, lines, log };
}

describe('before it passes the door', () => {
  it('a secret of which a command colours a part is hidden in the log', async () => {
    const { lines, log } = door('correct-horse');
    await attemptRun(
      {
        kind: 'run',
        command: String.raw`printf 'token=correct-\033[01;31mhorse\033[m\n'`,
        when: 'both',
        retryMs: 0,
        intervalMs: 100,
      } as never,
      { side: 'staged', log, environment: { PATH: process.env['PATH'] ?? '' }, signal: new AbortController().signal },
    );
    expect(lines.join('\n')).not.toContain('horse');
  });

  it('a secret of which a part is coloured is hidden in a quoted answer', () => {
    const { text } = door('correct-horse');
    expect(text.safe(quote('token=correct-\u001B[01;31mhorse\u001B[m'))).not.toContain('horse');
  });

  it('a secret that looks like a command is hidden in a quoted answer', () => {
    const { text } = door('ab##[cdef');
    expect(text.safe(quote('got ab##[cdef'))).not.toContain('cdef');
  });

  it('a secret in the message of a registry is not cut in two', () => {
    const { text } = door('correct-horse');
    for (let before = 0; before < 400; before += 1) {
      const message = `${'x'.repeat(before)} correct-horse is no valid password`;
      const status = imageStatus(
        { status: 403, body: JSON.stringify({ errors: [{ code: 'DENIED', message }] }), headers: {} },
        'sent',
      );
      expect(text.safe(JSON.stringify(status))).not.toContain('correct');
    }
  });
});
