import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** PEM texts of a certificate authority and the certificates that it signed. */
export interface Certificates {
  readonly ca: string;
  readonly server: Credentials;
  /** Certificate of a user with all rights, `CN=sandbox-admin, O=system:masters`. */
  readonly client: Credentials;
}

export interface Credentials {
  readonly certificate: string;
  readonly key: string;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const day = 86_400_000;

let made: Promise<Certificates> | undefined;

/** The certificates of this process; created once and shared by all sandboxes of the process. */
export function certificates(): Promise<Certificates> {
  made ??= issueAll();
  return made;
}

async function issueAll(): Promise<Certificates> {
  x509.cryptoProvider.set(webcrypto);
  const authority = await keyPair();
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(),
    name: 'CN=sandbox-ca',
    keys: authority,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  const issue = async (subject: string, extensions: x509.Extension[]): Promise<Credentials> => {
    const keys = await keyPair();
    const certificate = await x509.X509CertificateGenerator.create({
      ...validity(),
      subject,
      issuer: ca.subject,
      publicKey: keys.publicKey,
      signingKey: authority.privateKey,
      signingAlgorithm: algorithm,
      extensions: [new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true), ...extensions],
    });
    return { certificate: certificate.toString('pem'), key: await privatePem(keys.privateKey) };
  };
  return {
    ca: ca.toString('pem'),
    server: await issue('CN=kube-apiserver', [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'ip', value: '127.0.0.1' },
        { type: 'dns', value: 'localhost' },
      ]),
    ]),
    client: await issue('CN=sandbox-admin, O=system:masters', [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
    ]),
  };
}

function validity(): { readonly serialNumber: string; readonly notBefore: Date; readonly notAfter: Date } {
  return {
    // A positive number: the first byte stays below 0x80.
    serialNumber: `01${randomBytes(8).toString('hex')}`,
    notBefore: new Date(Date.now() - day),
    notAfter: new Date(Date.now() + 30 * day),
  };
}

function keyPair(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  const bytes = await webcrypto.subtle.exportKey('pkcs8', key);
  return x509.PemConverter.encode(bytes, 'PRIVATE KEY');
}
