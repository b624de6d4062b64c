import type { Server } from 'node:http';
import { hostname } from 'node:os';
import { pullImage } from '../sandbox/network/programs/images.js';
import { askLocal, createPodServer, drainServers } from '../sandbox/network/pods/pod-http.js';
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
      const server = createPodServer(handler);
      servers.push(server);
      server.once('error', reject);
      server.listen(port, resolve);
    }),
  ask: askLocal,
  drain: () => drainServers(servers),
  exit: code => process.exit(code),
};

// The kernel gives the first process of a container no default signal handlers.
self.onTerminate(() => self.exit(143));
const pulled = pullImage(image);
if (pulled.kind !== 'image') throw new Error(`IMAGE=${image}: ${pulled.message}`);
await pulled.program(self);
