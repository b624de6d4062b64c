import { setFlagsFromString } from 'node:v8';

// V8 lets the part of its heap for new objects grow to 48 MB before it looks for what is no longer needed there, and
// reading a thousand objects fills it. Held at its first size the same deploy takes a quarter less memory and no more time
// (docs/benchmarks.md). The runner's memory belongs to the other steps of the job too.
setFlagsFromString('--semi-space-growth-factor=1');
