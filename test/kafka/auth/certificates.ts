// Makes certificates for tests: a root, and what it signs, written to files as PEM.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { afterAll } from 'vitest';

const directory = mkdtempSync(join(tmpdir(), 'rivulet-certificates-'));
afterAll(() => rmSync(directory, { recursive: true }));

let files = 0;
/** A file of its own for one test. */
export function newFile(content: string): string {
  const path = join(directory, String(files++));
  writeFileSync(path, content);
  return path;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

export type Signed = { readonly cert: string; readonly key: string };

export type Root = {
  readonly cert: string;
  /** A certificate for this machine, or for a client with this subject. */
  sign(subject: string, terms?: { readonly validMs?: number }): Promise<Signed>;
};

const dayMs = 86_400_000;

export async function newRoot(subject = 'CN=root'): Promise<Root> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    ...{ name: subject, keys, signingAlgorithm: algorithm, notAfter: new Date(Date.now() + dayMs) },
    extensions: [new x509.BasicConstraintsExtension(true)],
  });
  let serial = 1;
  return {
    cert: root.toString('pem'),
    async sign(name, { validMs = dayMs } = {}) {
      const own = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
      const cert = await x509.X509CertificateGenerator.create({
        ...{ subject: name, issuer: root.subject, publicKey: own.publicKey, signingKey: keys.privateKey },
        ...{ signingAlgorithm: algorithm, serialNumber: `0${serial++}` },
        ...{ notBefore: new Date(Date.now() - dayMs), notAfter: new Date(Date.now() + validMs) },
        extensions: [
          new x509.SubjectAlternativeNameExtension([
            { type: 'dns', value: 'localhost' },
            { type: 'ip', value: '127.0.0.1' },
          ]),
        ],
      });
      const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', own.privateKey));
      const key = `-----BEGIN PRIVATE KEY-----\n${der.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`;
      return { cert: cert.toString('pem'), key };
    },
  };
}
