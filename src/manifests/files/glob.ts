const special = /[*?{[]/;

/** True for a pattern that has to be matched rather than opened. */
export function isGlob(pattern: string): boolean {
  return special.test(pattern);
}

/** The folder that a glob's matches all lie in: its leading segments without a wildcard. `''` if there is none. */
export function globBase(pattern: string): string {
  const segments = pattern.split('/');
  const wild = segments.findIndex(segment => special.test(segment));
  return segments.slice(0, wild).join('/');
}

const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, character => `\\${character}`);

/** One path segment; like a shell's, its wildcards do not match a leading dot. */
function segmentSource(segment: string): string {
  const noDot = /^[*?]/.test(segment) ? '(?!\\.)' : '';
  let source = '';
  for (const part of segment.matchAll(/\*+|\?|\[[^\]]+\]|[^*?[]+|\[/g)) {
    const [text] = part;
    if (text.startsWith('*')) source += '[^/]*';
    else if (text === '?') source += '[^/]';
    else if (text.length > 2 && text.startsWith('['))
      source += `[${text
        .slice(1, -1)
        .replace(/^!/, '^')
        .replace(/[\\\]]/g, '\\$&')}]`;
    else source += literal(text);
  }
  return noDot + source;
}

/** Every way to read `{a,b}`, nested ones included: plain patterns without braces. */
export function expandBraces(pattern: string): readonly string[] {
  const inner = /\{([^{}]*)\}/.exec(pattern);
  if (inner === null) return [pattern];
  const before = pattern.slice(0, inner.index);
  const after = pattern.slice(inner.index + inner[0].length);
  return [...new Set((inner[1] ?? '').split(',').flatMap(choice => expandBraces(before + choice + after)))];
}

/**
 * Tells whether a path with `/` matches: `*` and `?` stay inside one segment, `**` stands for any number of
 * segments (not hidden ones), `{a,b}` for either, `[abc]` for one character.
 */
export function globMatcher(pattern: string): (path: string) => boolean {
  const sources = expandBraces(pattern).map(plain => {
    const segments = plain.split('/');
    return segments
      .map((segment, index) => {
        const last = index === segments.length - 1;
        if (segment === '**') return last ? '(?:(?!\\.)[^/]+/)*(?!\\.)[^/]+' : '(?:(?!\\.)[^/]+/)*';
        return segmentSource(segment) + (last ? '' : '/');
      })
      .join('');
  });
  const expression = new RegExp(`^(?:${sources.join('|')})$`);
  return path => expression.test(path);
}
