import { Refusal, type Parse } from '../refusal.js';

/** Parser of one of a few words, exactly as written. */
export function oneOf<const Word extends string>(...words: readonly Word[]): Parse<Word> {
  return text => {
    const word = words.find(candidate => candidate === text);
    if (word === undefined) throw Refusal.accepting(words.join(' | '));
    return word;
  };
}

const trueOrFalse = oneOf('true', 'false');

/** `true` or `false`; `yes`, `1` and `True` are refused. */
export const flag: Parse<boolean> = text => trueOrFalse(text) === 'true';

/** Parser of a whole number in decimal digits. */
export function integer({ min, max }: { readonly min: number; readonly max: number }): Parse<number> {
  const bounds = max === Number.MAX_SAFE_INTEGER ? `${min} or more` : `from ${min} to ${max}`;
  return text => {
    const value = /^\d+$/.test(text) ? Number(text) : undefined;
    if (value === undefined || value < min || value > max) throw Refusal.accepting(`a whole number, ${bounds}`);
    return value;
  };
}

/** The number of a revision: 1, 2, 3… */
export const revisionNumber = integer({ min: 1, max: Number.MAX_SAFE_INTEGER });

const label = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/;

export function isDnsLabel(text: string, longest = 63): boolean {
  return text.length <= longest && label.test(text);
}

/** Parser of a DNS subdomain, the form that Kubernetes requires for names of Secrets. */
export const dnsSubdomain: Parse<string> = text => {
  if (text.length <= 253 && text.split('.').every(part => isDnsLabel(part, 253))) return text;
  throw Refusal.accepting('a name of lower-case letters, digits, dashes and dots, at most 253 characters');
};

/** Parser of a DNS label, the form that Kubernetes requires for names of namespaces and Services. */
export function dnsLabel({ longest = 63 }: { readonly longest?: number } = {}): Parse<string> {
  return text => {
    if (isDnsLabel(text, longest)) return text;
    throw Refusal.accepting(
      `lower-case letters, digits and dashes, beginning and ending with a letter or digit, at most ${longest} characters`,
    );
  };
}

/** A name with one `*` for the role: `tomcat-test-*`. */
export const rolePattern: Parse<string> = text => {
  if (text.split('*').length === 2 && isDnsLabel(text.replace('*', 'x'))) return text;
  throw Refusal.accepting('a Service name with one * for the role, such as tomcat-test-*');
};

/** Any text on one line. */
export const line: Parse<string> = text => {
  if (text.includes('\n')) throw Refusal.accepting('one line');
  return text;
};

/** Any text. */
export const anything: Parse<string> = text => text;

/** Parser like `parse`, in which one word means `undefined`. */
export function unless<T>(word: string, parse: Parse<T>): Parse<T | undefined> {
  return text => (text === word ? undefined : parse(text));
}

/** Refuses a path that browsers and URL parsers read as the name of another host. */
export function refuseHostInPath(text: string): void {
  if (!/^\/[/\\]/.test(text)) return;
  throw Refusal.because([
    `a path that begins with ${text.slice(0, 2)} can be read as the name of a host; begin it with a single /`,
  ]);
}
