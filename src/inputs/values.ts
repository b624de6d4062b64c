import type { Action } from './actions.js';
import { definitionOf, inputNames, takes, type InputName, type inputTable } from './table.js';

type Table = typeof inputTable;
type Parsed<Name extends InputName> = ReturnType<Table[Name]['parse']>;

/** What an input is parsed to; `undefined` when it is omitted and has neither a default nor a value for that case. */
export type Value<Name extends InputName> = Table[Name] extends
  { readonly default: string } | { readonly absent: unknown }
  ? Parsed<Name>
  : Parsed<Name> | undefined;

/** Every input, parsed, whether or not the action takes it. */
export type Values = { readonly [Name in InputName]: Value<Name> };

/** The actions that take an input. */
export type TakenBy<Name extends InputName> = Table[Name]['actions'][number];

/** The inputs that an action takes and that keep their value unchanged. */
type Carried<A extends Action> = {
  [Name in InputName]: Table[Name] extends { readonly field: string }
    ? A extends TakenBy<Name>
      ? Name
      : never
    : never;
}[InputName];

type FieldOf<Name extends InputName> = Table[Name] extends { readonly field: infer Field extends string }
  ? Field
  : never;

/** The fields of `Inputs` that hold these inputs. Omitted: a missing key, never one with the value `undefined`. */
export type Fields<A extends Action> = {
  readonly [Name in Carried<A> as undefined extends Value<Name> ? never : FieldOf<Name>]: Value<Name>;
} & {
  readonly [Name in Carried<A> as undefined extends Value<Name> ? FieldOf<Name> : never]?: Exclude<
    Value<Name>,
    undefined
  >;
};

export function fieldsOf<A extends Action>(action: A, values: Values): Fields<A> {
  const carried = inputNames.flatMap(name => {
    const { field } = definitionOf(name);
    const value = values[name];
    return field === undefined || value === undefined || !takes(action, name) ? [] : [[field, value] as const];
  });
  return Object.fromEntries(carried) as Fields<A>;
}
