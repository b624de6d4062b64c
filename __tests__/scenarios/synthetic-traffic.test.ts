import { afterAll, describe, expect } from '@jest/globals';
import { site, tomcat } from '../support/scenario/applications.js';
import { describeEmbedded, startCluster } from '../support/scenario/cluster.js';
import { expectRefused, expectUsersMovedOver, expectUsersSaw } from '../support/scenario/expectations.js';
import type { ClusterUnderTest } from '../support/scenario/cluster-under-test.js';
import { grant } from '../support/scenario/rights.js';
import { scenarioWithoutGolden } from '../support/scenario/scenario.js';
import type { TestNamespace } from '../support/scenario/test-namespace.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

const page = '- http: /\n  contains: site $<VERSION>\n';
const checked = (version: string, more: Readonly<Record<string, string>> = {}) =>
  site.deploy(version, { verify: page, ...more });
const byUrl = async (ns: TestNamespace, service: string, more = ''): Promise<string> =>
  `url: ${await ns.cluster.publicUrl(ns.namespace, service)}\n${more}`;
const off = { 'synthetic-traffic': 'false' };

/** The site without its readiness probe: its pods are ready as soon as they run. */
async function bringUnprobed(ns: TestNamespace): Promise<void> {
  await site.bring(ns);
  await ns.rewrite('site.yml', text => text.replace(/ {10}readinessProbe:\n(?: {12}.*\n)+/, ''));
}

function sandboxOf({ cluster: { sandbox } }: TestNamespace): NonNullable<ClusterUnderTest['sandbox']> {
  if (sandbox === undefined) throw new Error('a real cluster has no faults');
  return sandbox;
}

describe('Synthetic traffic', () => {
  scenarioWithoutGolden('tells of an update that lost nothing what users noticed, by URL', cluster, async ns => {
    await site.bring(ns);
    await ns.given(checked('v1'));
    const users = await ns.users(site.service);
    const traffic = await byUrl(ns, site.service, 'max-failures: 0');
    const result = await ns.step(checked('v2', { 'synthetic-traffic': traffic }));
    expect(result).toMatchObject({ exitCode: 0, outputs: { outcome: 'deployed', 'requests-failed': '0' } });
    expect(Number(result.outputs.requests)).toBeGreaterThan(2);
    expect(result.summary).toMatch(
      /^## ✅ site: revision 2 is deployed; users noticed nothing: none of \d+ requests failed\n/,
    );
    expect(result.summary).toMatch(/^before {6}[█▄·]+$/m);
    expect(result.summary).toMatch(/^revision 2 {2}[·▄█]+$/m);
    expect(result.summary).toContain('| `synthetic-traffic` | public | pass |');
    await expectUsersMovedOver(users, 'v1', 'v2');
  });

  scenarioWithoutGolden('says of a switch and its rollback which way the requests went', cluster, async ns => {
    await tomcat.bring(ns);
    const start = '- http: /\n  contains: Apache Tomcat/$<TOMCAT_VERSION>\n';
    await ns.given(tomcat.release('7', { verify: start }));
    await ns.given(tomcat.deploy('8', { verify: start }));
    const promoted = await ns.step(tomcat.promote());
    expect(promoted.outputs).toMatchObject({ outcome: 'switched', 'requests-failed': '0' });
    expect(promoted.summary).toMatch(
      /^## ✅ \S+ users are on revision 2 on \w+; through the API server none of \d+ requests failed\n/,
    );
    expect(promoted.summary).not.toMatch(/users noticed/i);
    expect(promoted.summary).toMatch(/revision 2 answered \d+ requests, the version before \d+, none of them after/);
    const traffic = await byUrl(ns, tomcat.service);
    const back = await ns.step(tomcat.rollback({ 'synthetic-traffic': traffic }));
    expect(back.outputs).toMatchObject({ outcome: 'rolled-back', 'requests-failed': '0' });
    expect(back.summary).toMatch(/; users noticed nothing: none of \d+ requests failed\n/);
  });

  scenarioWithoutGolden(
    'with max-failures ends an update that loses requests before it is complete',
    cluster,
    async ns => {
      await bringUnprobed(ns);
      await ns.given(checked('v1', off));
      const traffic = await byUrl(ns, site.service, 'max-failures: 0');
      // Pods of this image get ready, so that nothing else would end the update before its check.
      const result = await ns.step(checked('http500', { 'synthetic-traffic': traffic, 'stable-for': '20s' }));
      expectRefused(
        result,
        /Users lose requests: 1 of \d+ requests to http:\S+ failed, the first one with 500; max-failures: 0/,
      );
      expect(result.log).not.toContain('\nVerify public\n');
      expect(result.log).toContain('Everything was restored and is ready. Revision 1 serves users.');
      expect(await site.version(ns)).toBe('v1');
      await expectUsersSaw(await ns.users(site.service), ['v1']);
    },
  );

  scenarioWithoutGolden('with max-failures sends users back who lose requests after a switch', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7', off));
    await ns.given(tomcat.deploy('8-http500', { verify: '- http: /\n  status: 500\n  when: staged\n' }));
    // The check that takes a while: without a limit of failures, users would stay.
    const verify = '- http: /nothing\n  status: 200\n  when: public\n  retry: 20s\n';
    const traffic = await byUrl(ns, tomcat.service, 'path: /\nmax-failures: 2');
    const result = await ns.step(tomcat.promote({ verify, 'synthetic-traffic': traffic }));
    expectRefused(
      result,
      /Users lose requests: 3 of \d+ requests to http:\S+ failed, the first one with 500; max-failures: 2/,
    );
    expect(await tomcat.activeRole(ns)).toBe('blue');
    await expectUsersSaw(await ns.users(tomcat.service), ['7']);
  });

  scenarioWithoutGolden('begins to count with the first answer of a first release', cluster, async ns => {
    await site.bring(ns);
    const result = await ns.step(checked('v1'));
    expect(result).toMatchObject({ exitCode: 0, outputs: { outcome: 'deployed', 'requests-failed': '0' } });
    expect(result.log).not.toMatch(/^warning: Synthetic traffic/m);
  });

  scenarioWithoutGolden('is off without an http check, with a line that says how to turn it on', cluster, async ns => {
    await site.bring(ns);
    const result = await ns.step(site.deploy('v1'));
    expect(result.log).toMatch(
      /^Synthetic traffic is off: .* set `synthetic-traffic` to a map with `url` or `path`\.$/m,
    );
    expect(result.outputs).not.toHaveProperty('requests');
    expect(result.summary).not.toContain('Requests while users were moved');
  });

  scenarioWithoutGolden('is not sent by a run that changes nothing', cluster, async ns => {
    await site.bring(ns);
    await ns.given(checked('v1'));
    const result = await ns.step(checked('v1'));
    expect(result.outputs).toMatchObject({ outcome: 'unchanged' });
    expect(result.log).not.toContain('Synthetic traffic');
  });
});

describeEmbedded('Synthetic traffic and the API server', 'only the embedded cluster has faults', () => {
  const proxied = ({ namespace }: TestNamespace) => ({ verb: 'PROXY', kind: 'Service', namespace }) as const;

  scenarioWithoutGolden('stops at the first 429, and the update goes on', cluster, async ns => {
    await site.bring(ns);
    await ns.given(checked('v1', off));
    const sandbox = sandboxOf(ns);
    const message = 'too many requests, please try again later';
    sandbox.fault(proxied(ns), { do: 'status', status: 429, reason: 'TooManyRequests', message }, 1);
    let asked = 0;
    const stop = sandbox.calls.listen(({ verb, kind, namespace, userAgent }) => {
      if (verb === 'PROXY' && kind.startsWith('Service') && namespace === ns.namespace)
        asked += userAgent.includes('synthetic') ? 1 : 0;
    });
    const result = await ns.step(checked('v2'));
    stop();
    expect(result).toMatchObject({ exitCode: 0, outputs: { outcome: 'deployed', requests: '0' } });
    expect(result.outputs).not.toHaveProperty('requests-failed');
    expect(asked).toBe(1);
    expect(result.log).toContain('Synthetic traffic has stopped: the API server answered 429, too many requests.');
    expect(result.summary).toMatch(/^## ✅ site: revision 2 is deployed\n/);
  });

  for (const { what, fault } of [
    { what: 'cuts the connection', fault: { do: 'reset', when: 'before' } },
    {
      what: 'is in trouble',
      fault: { do: 'status', status: 500, reason: 'InternalError', message: 'etcdserver: leader changed' },
    },
    {
      what: 'answers 503 for itself',
      fault: { do: 'status', status: 503, reason: 'ServiceUnavailable', message: 'the server is unable to handle it' },
    },
  ] as const)
    scenarioWithoutGolden(
      `does not call it a failure of the application that the API server ${what}`,
      cluster,
      async ns => {
        await site.bring(ns);
        await ns.given(checked('v1', off));
        const sandbox = sandboxOf(ns);
        // The first request is answered, so that the counts have begun.
        sandbox.fault({ ...proxied(ns), skip: 1 }, fault, 3);
        const result = await ns.step(checked('v2', { 'synthetic-traffic': 'max-failures: 0' }));
        expect(result).toMatchObject({ exitCode: 0, outputs: { outcome: 'deployed', 'requests-failed': '0' } });
        expect(result.summary).toMatch(/3 more requests tell nothing, because the way to the application failed/);
      },
    );

  for (const { what, status, reason, message, why } of [
    {
      what: 'the API server has no pod to ask',
      ...{ status: 503, reason: 'ServiceUnavailable', message: 'no endpoints available for service "site"' },
      why: 'no endpoints',
    },
    {
      what: 'the pod that the API server asks refuses the connection',
      ...{ status: 503, reason: 'ServiceUnavailable' },
      message: 'error trying to reach service: dial tcp 10.0.0.1:8080: connect: connection refused',
      why: 'connect: connection refused',
    },
  ])
    scenarioWithoutGolden(`calls it a failure of the application that ${what}`, cluster, async ns => {
      await site.bring(ns);
      await ns.given(checked('v1', off));
      sandboxOf(ns).fault({ ...proxied(ns), skip: 1 }, { do: 'status', status, reason, message }, 1);
      const result = await ns.step(checked('v2'));
      expect(result).toMatchObject({ exitCode: 0, outputs: { outcome: 'deployed', 'requests-failed': '1' } });
      expect(result.summary).toMatch(/; through the API server 1 of \d+ requests failed\n/);
      expect(result.log).toContain(`failed, the first one with ${why}`);
    });

  scenarioWithoutGolden(
    'stops where the right for it is missing, names the rule, and the update goes on',
    cluster,
    async ns => {
      await site.bring(ns);
      await ns.given(site.deploy('v1'));
      const { namespace } = ns;
      const rights = { roles: ['cutover-deploy-rolling'], without: ['get services/proxy'] } as const;
      const { kubeconfig } = await grant({ cluster: ns.cluster, namespace, ...rights });
      const result = await ns.step(site.deploy('v2', { kubeconfig, 'synthetic-traffic': 'path: /' }));
      expect(result).toMatchObject({ exitCode: 0, outputs: { outcome: 'deployed' } });
      expect(result.log).toMatch(/^warning: Synthetic traffic has stopped: .*services\/proxy/m);
    },
  );
});
