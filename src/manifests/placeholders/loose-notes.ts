import { where } from '../../log.js';
import type { ManifestWarning } from '../problems.js';
import type { ManifestDocument } from '../yaml/documents.js';
import { findPlaceholders } from './substitution.js';
import { looseMeaning, type SubstitutionMode, type ValueSources } from './syntax.js';

/** What `${NAME}` and `$NAME` mean where a reader may expect something else. */
export interface LooseNotes {
  /** The names that are replaced in a text over several lines, one line for each text: a script may have meant its own. */
  readonly notes: readonly string[];
  /** Built-in names that stay as they are, because only `$<NAME>` replaces them; not in texts over several lines. */
  readonly warnings: readonly ManifestWarning[];
}

/** Values are not shown: they may be secret. */
export function looseNotes(
  documents: readonly ManifestDocument[],
  mode: SubstitutionMode,
  sources: Pick<ValueSources, 'variables' | 'builtIns'>,
): LooseNotes {
  if (mode !== 'on') return { notes: [], warnings: [] };
  const names = new Map<string, Set<string>>();
  const warnings: ManifestWarning[] = [];
  for (const { name, form, at, inBlock } of findPlaceholders(documents, mode)) {
    if (form !== 'loose') continue;
    const meaning = looseMeaning(name, sources);
    if (inBlock && meaning === 'replaced') names.set(where(at), (names.get(where(at)) ?? new Set()).add(name));
    if (!inBlock && meaning === 'strict-only')
      warnings.push({ message: `\${${name}} and $${name} are not replaced: write $<${name}>.`, at });
  }
  const notes = [...names].map(([place, own]) => `${place}: replaced in this text: ${[...own].join(', ')}`);
  return { notes, warnings };
}
