import type { Readable } from 'node:stream';

/** Calls `listen` with each line of a stream of UTF-8, without its end. As for the runner, CR, LF and CRLF end a line. */
export function eachLine(stream: Readable, listen: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    // A CR at the end may be the first half of a CRLF.
    const lines = (rest + chunk).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    lines.forEach(listen);
  });
  stream.on('end', () => {
    if (rest !== '') listen(rest.replace(/\r$/, ''));
  });
}
