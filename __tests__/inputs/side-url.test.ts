import { describe, expect, it } from '@jest/globals';
import { checks } from '../../src/inputs/checks/checks.js';
import { ofRole } from '../../src/inputs/checks/side-url.js';
import { Refusal } from '../../src/inputs/refusal.js';
import { problems } from '../support/step-inputs.js';

function reasons(text: string): string {
  try {
    checks({})(text);
  } catch (thrown) {
    if (thrown instanceof Refusal) return thrown.reasons.join('\n');
    throw thrown;
  }
  throw new Error('the checks were accepted');
}

describe('the address of the side under test', () => {
  it.each([
    ['https://$<ROLE>.example.com/', 'https://green.example.com'],
    ['http://10.0.0.1:8080/$<ROLE>', 'http://10.0.0.1:8080/green'],
    ['https://staged.example.com', 'https://staged.example.com'],
  ])('can be %s', (url, ofGreen) => {
    for (const kind of ['http: /', 'run: smoke']) {
      const [check] = checks({})(`- ${kind}\n  url: ${url}`);
      expect(ofRole(check!, 'green').url).toBe(ofGreen);
    }
  });

  it('takes a variable ROLE for what it is', () => {
    expect(checks({ ROLE: 'admin' })('- http: /$<ROLE>\n  url: https://$<ROLE>.example.com')).toMatchObject([
      { target: '/admin', url: 'https://admin.example.com' },
    ]);
  });

  it.each(['green.example.com', 'ftp://x', 'https://', 'https://x?y', 'https://x/#y', 'https://a b'])(
    'cannot be %s',
    url => {
      expect(reasons(`- {http: /, url: "${url}"}`)).toMatch(
        /^check 1: url: received .*, accepted: an address with http/,
      );
    },
  );

  it('has no credentials', () => {
    expect(reasons('- {http: /, url: "https://mona:hunter22@x"}')).toMatch(/contains credentials/);
    expect(reasons('- {http: /, url: "https://mona:hunter22@x"}')).not.toMatch(/hunter22/);
  });

  it('is of a path, not of a URL', () => {
    expect(reasons('- {http: "https://x/", url: "https://y"}')).toBe(
      'check 1: url cannot be used with a URL: it is the address for a path; remove url',
    );
  });

  it('is the only place for the role', () => {
    expect(reasons('- {http: "/$<ROLE>"}')).toBe(
      'check 1: $<ROLE> is the role only in "url"; set ROLE in "variables" to use it elsewhere',
    );
  });

  it('names no role where there is none', () => {
    const verify = '- {http: /, url: "https://$<ROLE>.example.com"}';
    expect(problems({ manifests: 'k8s', verify }).join('\n')).toContain(
      'but $<ROLE> in "url" is nothing with strategy: rolling, which has no roles',
    );
  });
});
