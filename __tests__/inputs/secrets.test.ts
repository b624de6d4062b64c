import { describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import { kubeconfigSecrets, kubeconfigText } from '../../src/inputs/parse/kubeconfig.js';
import { readInputs } from '../../src/inputs/read.js';
import { asRunner, github, maskingLog } from '../support/step-inputs.js';

const kubeconfig = `apiVersion: v1
kind: Config
clusters:
  - name: prod
    cluster: { server: "https://10.0.0.1:6443", certificate-authority-data: Q0EtREFUQS1RMEV0UkVGVVFR }
users:
  - name: deployer
    user: { token: s3cr3t-token, client-certificate-data: Q0VSVA==, client-key-data: S0VZLURBVEE= }
  - name: basic
    user: { username: alice, password: 012345 }
  - name: exec
    user:
      exec:
        command: aws
        args: [eks, get-token, --client-secret=arg-secret, --region=eu]
        env: [{ name: AWS_SECRET_ACCESS_KEY, value: env-secret }, { name: AWS_PROFILE, value: default }]
  - name: oidc
    user: { auth-provider: { config: { id-token: id-secret, refresh-token: refresh-secret, client-id: cutover } } }
`;
const credentials = [
  's3cr3t-token',
  'S0VZLURBVEE=',
  '012345',
  'arg-secret',
  'env-secret',
  'id-secret',
  'refresh-secret',
];
const packed = Buffer.from(kubeconfig).toString('base64');
const wrapped = packed.replace(/.{76}/g, '$&\n');

describe('what is masked of a kubeconfig', () => {
  it('is every credential in its content, and no ordinary line', () => {
    expect(kubeconfigSecrets(kubeconfig)).toEqual(credentials);
  });

  it.each([
    ['one line', packed],
    ['several lines', wrapped],
  ])('is the base64 form too when it comes in %s', (_, value) => {
    const secrets = kubeconfigSecrets(value);
    expect(secrets).toEqual(expect.arrayContaining([value, packed, ...credentials]));
  });

  it('is every long word if the content cannot be parsed', () => {
    const broken = 'apiVersion: v1\nusers: [\n  token: abcdefghijklmnopqrstuvwxyz';
    expect(kubeconfigSecrets(broken)).toEqual(['abcdefghijklmnopqrstuvwxyz']);
  });

  it.each(['kube/config', '/home/runner/work/_temp/kubeconfig-4711/production/config', '~/.kube/config'])(
    'is nothing of the path %s',
    path => {
      expect(kubeconfigSecrets(path)).toEqual([]);
      expect(kubeconfigText(path)).toBeUndefined();
    },
  );

  it.each([
    ['text', kubeconfig],
    ['base64 of it', packed],
    ['base64 in lines', wrapped],
  ])('does not change the content, passed as %s', (_, value) => {
    expect(kubeconfigText(value)).toBe(kubeconfig);
  });

  it('treats JSON on one line as content', () => {
    const json = '{"apiVersion":"v1","users":[{"name":"a","user":{"token":"json-secret"}}]}';
    expect(kubeconfigSecrets(json)).toEqual(['json-secret']);
  });
});

describe('reading inputs', () => {
  it('masks every secret, even when the inputs are refused', () => {
    const masked: string[] = [];
    const inputs = { kubeconfig, token: 'ghs_token', 'registry-credentials': 'r.test bob hunter2', timeout: 'soon' };
    const reading = (): unknown =>
      readInputs({ environment: { ...github, ...asRunner(inputs) }, log: maskingLog(masked) });
    expect(reading).toThrow(CutoverError);
    expect([...new Set(masked)]).toEqual([...credentials, 'ghs_token', 'hunter2', 'Ym9iOmh1bnRlcjI=']);
  });

  it('passes the kubeconfig on unchanged', () => {
    const environment = { ...github, ...asRunner({ manifests: 'k8s', kubeconfig: packed }) };
    expect(readInputs({ environment, log: maskingLog() }).kubeconfig).toBe(packed);
  });
});
