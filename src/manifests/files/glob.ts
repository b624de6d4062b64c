const special = /[*?{[]/;

/** Whether a pattern contains a wildcard or braces. */
export function isGlob(pattern: string): boolean {
  return special.test(pattern);
}

/** The folder that contains all matches of a glob: its leading segments without a wildcard. `''` if there is none. */
export function globBase(pattern: string): string {
  const segments = pattern.split('/');
  const wild = segments.findIndex(segment => special.test(segment));
  return segments.slice(0, wild).join('/');
}

const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, character => `\\${character}`);

/** Regular expression of one path segment; as in a shell, a wildcard does not match a leading dot. */
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

/** Expands `{a,b}`, nested ones included, into patterns without braces. */
export function expandBraces(pattern: string): readonly string[] {
  const inner = /\{([^{}]*)\}/.exec(pattern);
  if (inner === null) return [pattern];
  const before = pattern.slice(0, inner.index);
  const after = pattern.slice(inner.index + inner[0].length);
  return [...new Set((inner[1] ?? '').split(',').flatMap(choice => expandBraces(before + choice + after)))];
}

/**
 * A predicate for paths with `/`: `*` and `?` match within one segment, `**` matches any number of segments (not hidden
 * ones), `{a,b}` either alternative, `[abc]` one character.
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
