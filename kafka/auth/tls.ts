// TLS: the files of certificates, and the principal of a client's certificate.
//
// Invariant: a certificate is verified at every connection. Sessions are never resumed, because a resumed one would skip that.
import { constants, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { TLSSocket, TlsOptions } from 'node:tls';
import { AuthenticationError, type Identity } from './sasl/exchange.ts';
import { type Watched, watchFiles } from './watched-files.ts';

export type TlsFiles = {
  /** PEM: the certificate, with those between it and the root behind it. */
  readonly certFile: string;
  /** PEM, without a password. */
  readonly keyFile: string;
  /** PEM: the roots of clients' certificates. With it a client may show one, and must if there is no other way. */
  readonly clientCaFile?: string;
};

type Material = Pick<TlsOptions, 'cert' | 'key' | 'ca' | 'minVersion' | 'secureOptions'>;

type Watching = {
  readonly onChange: (material: Material) => void;
  readonly onError: (error: unknown) => void;
  readonly lookMs?: number;
};

/** Rejects if the files do not fit together. */
export const watchTls = (
  { certFile, keyFile, clientCaFile }: TlsFiles,
  watching: Watching,
): Promise<Watched<Material>> =>
  watchFiles([certFile, keyFile, ...(clientCaFile === undefined ? [] : [clientCaFile])], {
    ...watching,
    parse: ([cert, key, ca]) => materialOf(cert!, key!, ca),
  });

function materialOf(cert: string, key: string, ca: string | undefined): Material {
  // A new certificate is written before or after its key. Until both are there, the old ones are used.
  if (!new X509Certificate(cert).checkPrivateKey(keyIn(key)))
    throw new Error('TLS key: expected the key of the certificate, got another one');
  if (ca !== undefined) new X509Certificate(ca);
  const { SSL_OP_NO_TICKET, SSL_OP_NO_RENEGOTIATION } = constants;
  return {
    ...{ cert, key, minVersion: 'TLSv1.2', secureOptions: SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION },
    ...(ca !== undefined && { ca }),
  };
}

function keyIn(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new Error(`TLS key: expected a private key in PEM without a password: ${(error as Error).message}`);
  }
}

/** Undefined if the client has shown no certificate. Throws AuthenticationError for one that the roots do not vouch for. */
export function certifiedIdentity(socket: TLSSocket): Identity | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) return undefined;
  if (!socket.authorized) throw new AuthenticationError(`client certificate: ${socket.authorizationError}`);
  const principal = subjectOf(certificate);
  if (principal === '') throw new AuthenticationError('client certificate: expected a subject, got none');
  return { principal, expiresAtMs: Date.parse(certificate.validTo) };
}

/** As RFC 2253 and Apache Kafka have it: the common name first. Node has a line for each part, and escapes what is special. */
const subjectOf = ({ subject = '' }: X509Certificate): string => subject.split('\n').reverse().join(',');
