import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { hostname } from 'node:os';
import { pullImage } from '../sandbox/network/programs/images.js';
import type { ProgramProcess } from '../sandbox/network/pods/process.js';

/**
 * Runs one of the embedded cluster's images as the program of a real container, so that both clusters run the same pods.
 * The variable IMAGE names it: `site:v1`, `tomcat:9-http500`. sandbox/IMAGES.md describes the images.
 */
const image = process.env.IMAGE ?? '';
const servers: Server[] = [];

const self: ProgramProcess = {
  env: Object.fromEntries(Object.entries(process.env).map(([name, value]) => [name, value ?? ''])),
  hostname: hostname(),
  log: line => process.stdout.write(`${line}\n`),
  after: (seconds, action) => void setTimeout(action, seconds * 1000),
  onTerminate: action => {
    process.removeAllListeners('SIGTERM');
    process.on('SIGTERM', action);
  },
  listen: (port, handler) =>
    new Promise((resolve, reject) => {
      // Idle connections stay open until the client closes them, as in the embedded cluster.
      const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 }, handler);
      servers.push(server);
      server.once('error', reject);
      server.listen(port, resolve);
    }),
  drain: async () => {
    const closing = servers.map(server => new Promise(closed => server.close(closed)));
    for (const server of servers) server.closeIdleConnections();
    await Promise.all(closing);
  },
  exit: code => process.exit(code),
};

// The kernel gives the first process of a container no default signal handlers.
self.onTerminate(() => self.exit(143));
const pulled = pullImage(image);
if (pulled.kind !== 'image') throw new Error(`IMAGE=${image}: ${pulled.message}`);
await pulled.program(self);
