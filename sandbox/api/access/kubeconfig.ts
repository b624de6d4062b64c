import { dump } from 'js-yaml';
import type { Certificates } from '../http/tls.js';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A kubeconfig (YAML) for the server at `url`: with the admin's client certificate, or with `token` alone. */
export function kubeconfig(url: string, certificates: Certificates, token?: string): string {
  const user =
    token === undefined
      ? {
          'client-certificate-data': base64(certificates.client.certificate),
          'client-key-data': base64(certificates.client.key),
        }
      : { token };
  return dump({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'sandbox',
    clusters: [{ name: 'sandbox', cluster: { server: url, 'certificate-authority-data': base64(certificates.ca) } }],
    users: [{ name: 'sandbox', user }],
    contexts: [{ name: 'sandbox', context: { cluster: 'sandbox', user: 'sandbox', namespace: 'default' } }],
  });
}
