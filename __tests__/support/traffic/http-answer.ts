/** A complete HTTP/1.x answer. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  /** Whether the connection may be used again. */
  readonly keepsOpen: boolean;
}

const headEnd = '\r\n\r\n';

/** Parses one answer from the data of a connection. Throws if that is not HTTP/1.x. */
export class AnswerReader {
  #bytes: Buffer = Buffer.alloc(0);

  /** Whether no byte of the answer has arrived. */
  get isEmpty(): boolean {
    return this.#bytes.length === 0;
  }

  /** The answer; `undefined` while it is incomplete. */
  take(part: Buffer): Answer | undefined {
    this.#bytes = this.isEmpty ? part : Buffer.concat([this.#bytes, part]);
    return this.#read('more may come');
  }

  /** The answer if the connection ends now; `undefined` if it is incomplete. */
  end(): Answer | undefined {
    return this.#read('the end');
  }

  #read(after: 'more may come' | 'the end'): Answer | undefined {
    const end = this.#bytes.indexOf(headEnd);
    if (end === -1) return undefined;
    const head = this.#bytes.toString('latin1', 0, end);
    const [, minor, code] = /^HTTP\/1\.([01]) (\d{3})/.exec(head) ?? [];
    if (code === undefined) throw new Error(`not an answer of HTTP/1.x: ${head.slice(0, 80)}`);
    const status = Number(code);
    const rest = this.#bytes.subarray(end + headEnd.length);
    if (status < 200) {
      this.#bytes = rest;
      return this.#read(after);
    }
    const body = bodyOf(head, rest) ?? (isOpenEnded(head) && after === 'the end' ? rest : undefined);
    const keepsOpen = minor === '1' && !isOpenEnded(head) && !/\r\nconnection: *close/i.test(head);
    return body && { status, body: body.toString('utf8'), keepsOpen };
  }
}

/** The body if the head gives its length; `undefined` while it is incomplete. */
function bodyOf(head: string, rest: Buffer): Buffer | undefined {
  if (isEmptyByStatus(head)) return rest.subarray(0, 0);
  if (isChunked(head)) return joinChunks(rest);
  const length = Number(lengthOf(head) ?? Infinity);
  return rest.length >= length ? rest.subarray(0, length) : undefined;
}

/** Whether the body ends with the connection. */
function isOpenEnded(head: string): boolean {
  return !isEmptyByStatus(head) && !isChunked(head) && lengthOf(head) === undefined;
}

function isEmptyByStatus(head: string): boolean {
  return / (204|304)\b/.test(head.slice(8, 13));
}

function isChunked(head: string): boolean {
  return /\r\ntransfer-encoding: *chunked/i.test(head);
}

function lengthOf(head: string): string | undefined {
  return /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
}

/** `undefined` while the last chunk or what follows it is missing. */
function joinChunks(bytes: Buffer): Buffer | undefined {
  const chunks: Buffer[] = [];
  for (let at = 0; ;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    if (Number.isNaN(size)) throw new Error('a chunk without a size');
    // After the last chunk come trailers, usually none, and an empty line: the end looks like that of a head.
    if (size === 0) return bytes.indexOf(headEnd, lineEnd) === -1 ? undefined : Buffer.concat(chunks);
    at = lineEnd + 2 + size + 2;
    if (bytes.length < at) return undefined;
    chunks.push(bytes.subarray(lineEnd + 2, at - 2));
  }
}
