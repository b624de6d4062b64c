import type { CheckKind } from './check.js';
import { httpKind } from './http.js';
import { runKind } from './run.js';

/** Every kind of check, in the order in which messages list them. */
export const checkKinds = [httpKind, runKind] as const;

type CheckOf<Kind> = Kind extends CheckKind<infer C> ? C : never;

/** One item of `verify`, as a union by `kind`. */
export type Check = CheckOf<(typeof checkKinds)[number]>;
