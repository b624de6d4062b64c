import { afterAll, describe, expect } from '@jest/globals';
import { tomcat } from '../support/scenario/applications.js';
import { describeEmbedded, startCluster } from '../support/scenario/cluster.js';
import { grant } from '../support/scenario/rights.js';
import { scenario } from '../support/scenario/scenario.js';
import { shop } from '../support/scenario/shop.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

/** Asks four times, each time on a connection of its own, with a method that the proxy would need another right for. */
const smoke = `for (const method of ['GET', 'GET', 'GET', 'POST']) {
  const answer = await fetch(process.env.CUTOVER_URL, { method, headers: { connection: 'close' } });
  console.log('smoke', method, answer.status, (await answer.text()).match(/Tomcat.8|Not Allowed/)?.[0]);
}
`;
/** Asks until there is an answer, each time on a connection of its own. */
const again = `const seen = [];
while (seen.length < 9 && seen.at(-1) !== 200) {
  const answer = await fetch(process.env.CUTOVER_URL, { headers: { connection: 'close' } }).catch(({ cause }) => ({ status: cause.code }));
  seen.push(answer.status);
}
console.log('again:', ...seen);
`;
const tunnelRights = ['get pods/portforward', 'create pods/portforward'];

describe('A staged side that nothing exposes', () => {
  scenario('is checked through tunnels while users are on the other', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.write({ 'smoke.mjs': smoke });
    await ns.given(tomcat.release('7'));
    const users = await ns.users(tomcat.service);
    const verify = `${tomcat.verify('Apache Tomcat/8')}- run: ${JSON.stringify(`"${process.execPath}" smoke.mjs`)}\n`;
    const staged = await ns.step(tomcat.deploy('8', { verify }));
    expect(staged).toMatchObject({ exitCode: 0, outputs: { outcome: 'staged', 'staged-role': 'green' } });
    expect(staged.log).toContain('Pods are reached through tunnels (port-forward)');
    expect(staged.log).toMatch(/CUTOVER_URL leads to the ready pods in turn, through tunnels \(port-forward\)/);
    expect(staged.log.match(/smoke GET 200 Tomcat.8/g)).toHaveLength(3);
    expect(staged.log).toMatch(/smoke POST \d/);
    expect(Object.keys((await users.counts()).byVersion)).toEqual(['7']);
  });

  scenario('is checked through the proxy without the right to tunnels, which the log names', cluster, async ns => {
    await shop.bring(ns);
    const rights = { cluster: ns.cluster, namespace: ns.namespace, roles: ['cutover-stage'] as const };
    const also = [{ apiGroups: [''], resources: ['pods/proxy'], verbs: ['get'] }];
    const { kubeconfig } = await grant({ ...rights, without: tunnelRights, also });
    const staged = await ns.step({ ...shop.stage('v1'), kubeconfig });
    expect(staged).toMatchObject({ exitCode: 0, outputs: { outcome: 'staged' } });
    expect(staged.log).toMatch(
      /Pods are reached through the proxy of the API server, because no tunnel could be opened: .*Missing rule: .*"pods\/portforward"\], verbs: \["get", "create"\]/,
    );
  });

  scenario(
    'is not staged where only a part of the right is there, and the error names all of it',
    cluster,
    async ns => {
      await shop.bring(ns);
      const rights = { cluster: ns.cluster, namespace: ns.namespace, roles: ['cutover-stage'] as const };
      const { kubeconfig } = await grant({ ...rights, without: ['create pods/portforward'] });
      const refused = await ns.step({ ...shop.stage('v1'), kubeconfig });
      expect(refused.exitCode).toBe(1);
      const errors = refused.annotations.filter(({ level }) => level === 'error').map(({ message }) => message);
      expect(errors.join('\n')).toMatch(/resources: \["pods\/portforward"\], verbs: \["get", "create"\]/);
    },
  );
});

describe('A staged side that neither tunnels nor the proxy may reach', () => {
  scenario('is checked at the address of the role, which the log names', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    const rights = { cluster: ns.cluster, namespace: ns.namespace, roles: ['cutover-stage'] as const };
    const { kubeconfig } = await grant({ ...rights, without: [...tunnelRights, 'get services/proxy'] });
    const url = await ns.cluster.publicUrl(ns.namespace, tomcat.service);
    const check = (contains: string) => `- http: /\n  contains: ${contains}\n  url: ${url}/\n`;
    // The address of this test leads to the public Service: what it says is not of the staged version.
    const refused = await ns.step(tomcat.deploy('8', { verify: check('Apache Tomcat/8'), kubeconfig }));
    expect(refused.exitCode).toBe(1);
    expect(refused.log).toMatch(/The side is asked at http:\S+, where it is not known which pods answer: /);
    expect(refused.log).toMatch(/verbs: \["get", "create"\]/);
    const staged = await ns.step(tomcat.deploy('8', { verify: check('Apache Tomcat/7'), kubeconfig }));
    expect(staged).toMatchObject({ exitCode: 0, outputs: { outcome: 'staged' } });
    expect(staged.log).toMatch(/passed: GET \/: http:\S+ answered 200/);
  });
});

describeEmbedded('Tunnels that are cut', 'a real cluster cannot be told to cut them', () => {
  scenario('are remade, and no part of an answer counts', cluster, async ns => {
    await shop.bring(ns);
    const match = { verb: 'PORTFORWARD', namespace: ns.namespace } as const;
    ns.cluster.sandbox?.fault(match, { do: 'reset', when: 'after' }, 2);
    const staged = await ns.step(shop.stage('v1', { verify: '- http: /\n  contains: site v1\n  interval: 100ms\n' }));
    expect(staged).toMatchObject({ exitCode: 0, outputs: { outcome: 'staged' } });
    expect(staged.log).toMatch(/not yet: GET \/: pod shop-blue-\S+: the tunnel to Pod \S+, port 8080, was cut/);
    expect(staged.log).toMatch(/passed: GET \/: pod shop-blue-\S+ and Service shop-test-blue answered 200/);
  });

  scenario('reset the connection of a command, whose next one gets a new tunnel', cluster, async ns => {
    await shop.bring(ns);
    await ns.write({ 'again.mjs': again });
    const match = { verb: 'PORTFORWARD', namespace: ns.namespace, skip: 1 } as const;
    // The first tunnel is that with which the address is opened.
    ns.cluster.sandbox?.fault(match, { do: 'reset', when: 'after' }, 2);
    const verify = `- run: ${JSON.stringify(`"${process.execPath}" again.mjs`)}\n`;
    const staged = await ns.step(shop.stage('v1', { verify }));
    expect(staged).toMatchObject({ exitCode: 0, outputs: { outcome: 'staged' } });
    expect(staged.log).toContain('again: ECONNRESET ECONNRESET 200');
    expect(staged.log).toMatch(/A connection to CUTOVER_URL was reset: the tunnel to Pod \S+, port 8080, was cut/);
  });
});

describe('Each pod of a staged side', () => {
  scenario('is checked, through a tunnel of its own', cluster, async ns => {
    await shop.bring(ns);
    await ns.rewrite('roles.yml', text => text.replace(/replicas: 1/, 'replicas: 3'));
    const staged = await ns.step(shop.stage('v1', { verify: '- http: /\n  contains: site v1\n' }));
    expect(staged).toMatchObject({ exitCode: 0, outputs: { outcome: 'staged' } });
    expect(staged.log).toMatch(/passed: GET \/: 3 pods and Service shop-test-blue answered 200/);
  });
});
