import { setFlagsFromString } from 'node:v8';

// The runner shares its memory with other steps. By default, the young generation of V8 grows to 48 MB before a garbage
// collection, and reading a thousand objects fills it; the Maglev compiler only helps long computations. With these flags,
// the same deploy takes a third less memory in the same time (docs/benchmarks.md).
setFlagsFromString('--semi-space-growth-factor=1');
setFlagsFromString('--no-maglev');
