import { setFlagsFromString } from 'node:v8';

// The runner's memory belongs to the other steps of the job too. V8 lets the part of its heap for new objects grow to 48 MB
// before it looks for what is no longer needed there, and reading a thousand objects fills it; its middle compiler is for
// programs that compute for long. Without both, the same deploy takes a third less memory and no more time
// (docs/benchmarks.md).
setFlagsFromString('--semi-space-growth-factor=1');
setFlagsFromString('--no-maglev');
