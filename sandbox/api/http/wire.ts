import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import type { WireCounts } from '../../sandbox.js';

/** Counts the bytes that clients send and receive, TLS included. */
export class Wire {
  readonly #open = new Set<Socket>();
  #closed: WireCounts = { connections: 0, bytesIn: 0, bytesOut: 0 };

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => {
      this.#open.add(socket);
      socket.once('close', () => {
        this.#open.delete(socket);
        this.#closed = plus(this.#closed, socket);
      });
    });
  }

  read(): WireCounts {
    return [...this.#open].reduce(plus, this.#closed);
  }
}

function plus(counts: WireCounts, socket: Socket): WireCounts {
  return {
    connections: counts.connections + 1,
    bytesIn: counts.bytesIn + socket.bytesRead,
    bytesOut: counts.bytesOut + socket.bytesWritten,
  };
}
