/** All outputs of a job together may have 1 MB, counted in UTF-16. */
const largest = 200_000;

/** Characters of a text that is not in a list, where the whole is too long. */
const longestText = 1_000;

/** What an output has. */
export type Content = Readonly<Record<string, unknown>>;

/** A shorter form of an output. */
export interface Shorter {
  readonly content: Content;
  /** Its member `cut`, which names what it omits. */
  readonly cut: string | true;
}

/**
 * The output as JSON within the limit: the whole, or the first of the shorter forms that fits. Where none does, the last one with
 * as many items of each list as fit, and `cutLists` as its member `cut`.
 */
export function fitting(whole: Content, shorter: readonly Shorter[], cutLists: string | true): string {
  const forms = [whole, ...shorter.map(({ content, cut }) => ({ ...content, cut }))];
  for (const form of forms) {
    const json = JSON.stringify(form);
    if (json.length <= largest) return json;
  }
  return JSON.stringify(withShortLists({ ...(shorter.at(-1)?.content ?? whole), cut: cutLists }));
}

/** Every list gets an equal share; what a short one leaves goes to the longer ones. */
function withShortLists(content: Content): Content {
  const members = Object.entries(content);
  const lists = members.filter((member): member is [string, readonly unknown[]] => Array.isArray(member[1]));
  const short: Content = Object.fromEntries(
    members.map(([name, value]): [string, unknown] => {
      if (Array.isArray(value)) return [name, []];
      return [name, typeof value === 'string' ? value.slice(0, longestText) : value];
    }),
  );
  let left = largest - JSON.stringify(short).length;
  const bySize = lists.map(([name, items]) => ({ name, items, size: sizeOf(items) })).sort((a, b) => a.size - b.size);
  const cut = bySize.map(({ name, items }, index): [string, unknown] => {
    let share = left / (bySize.length - index);
    const kept = items.filter(item => (share -= sizeOf(item) + 1) >= 0);
    left -= sizeOf(kept);
    return [name, kept] as const;
  });
  return { ...short, ...(Object.fromEntries(cut) as Content) };
}

function sizeOf(value: unknown): number {
  return JSON.stringify(value).length;
}
