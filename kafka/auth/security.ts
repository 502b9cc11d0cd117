// Opens what was asked for: certificates, mechanisms and rules, all from files that may change while the service runs.
//
// Invariant: others than this machine get TLS and rules, or no listener. A mechanism whose messages are secrets is offered
// over TLS only.
import { isLoopback } from '../../lib/runtime/loopback.ts';
import type { SecurityProtocol } from '../cluster.ts';
import { everything, type Rights, readRules } from './rules/rules.ts';
import { oauthBearer, type TokenVerifier } from './sasl/bearer.ts';
import type { Fetch } from './sasl/bounded-fetch.ts';
import type { Mechanism } from './sasl/exchange.ts';
import { checkAlgorithms, jwtVerifier, localKeys, remoteKeys } from './sasl/jwt.ts';
import { mskIam, mskTokens, readIamKeys } from './sasl/msk-iam.ts';
import { plain } from './sasl/plain.ts';
import { scram } from './sasl/scram.ts';
import { checkRegion, stsVerifier } from './sasl/sts.ts';
import { readUsers, scramNames } from './sasl/users.ts';
import type { TlsFiles } from './tls.ts';
import { type Watched, watchFiles } from './watched-files.ts';

/** Plain values: what a person has written on a command line. Files are named by their paths. */
export type SecurityOptions = {
  readonly tls?: TlsFiles;
  /** SCRAM-SHA-256, SCRAM-SHA-512 and, over TLS, PLAIN. `rivulet kafka users` writes the file. */
  readonly usersFile?: string;
  /** OAUTHBEARER with the tokens of an OIDC issuer. */
  readonly oauth?: {
    readonly issuer: string;
    readonly audience: string;
    /** An https address, or the path of a file. */
    readonly keys: string;
    readonly algorithms?: readonly string[];
  };
  /** OAUTHBEARER with tokens of `rivulet kafka token`. `cluster` is the name that they are signed for. */
  readonly sts?: { readonly region: string; readonly cluster: string };
  /** Access keys and secrets for AWS_MSK_IAM, and for OAUTHBEARER with the tokens of MSK's signers. */
  readonly iamKeysFile?: string;
  readonly rulesFile?: string;
};

export type Security = {
  readonly tls?: TlsFiles;
  readonly mechanisms: ReadonlyMap<string, Mechanism>;
  readonly protocol: SecurityProtocol;
  readonly rightsOf: (principal: string) => Rights;
  /** How often the files are looked at. Undefined: the default. */
  readonly lookMs?: number;
  close(): void;
};

export type Surroundings = {
  readonly host: string;
  readonly clock: { now(): number };
  readonly onError: (error: unknown) => void;
  /** For the keys of an issuer, and for STS. */
  readonly fetch?: Fetch;
  readonly lookMs?: number;
};

/** Rejects, with a sentence for the person who started it, if the options do not fit together or a file is not sound. */
export async function openSecurity(options: SecurityOptions, surroundings: Surroundings): Promise<Security> {
  check(options, surroundings.host);
  const watched: Watched<unknown>[] = [];
  const watch: Watch = async (path, parse) => {
    const one = await watchFiles([path], { ...surroundings, parse: ([text]) => parse(text!) });
    watched.push(one);
    return one.current;
  };
  const close = (): void => {
    for (const one of watched) one.close();
  };
  try {
    const { tls, rulesFile } = options;
    const all = await mechanismsOf(options, surroundings, watch);
    const mechanisms = all.filter(({ needsTls }) => tls || !needsTls);
    if (all.length > 0 && mechanisms.length === 0)
      throw new Error(
        `${all[0]!.name}: expected TLS, because what it sends is a secret: give a certificate and its key`,
      );
    const rules = rulesFile === undefined ? undefined : await watch(rulesFile, readRules);
    return {
      ...(tls && { tls }),
      ...(surroundings.lookMs !== undefined && { lookMs: surroundings.lookMs }),
      mechanisms: new Map(mechanisms.map((mechanism) => [mechanism.name, mechanism])),
      protocol: `${mechanisms.length > 0 ? 'SASL_' : ''}${tls ? 'SSL' : 'PLAINTEXT'}`,
      rightsOf: (principal) => (rules ? rules().rightsOf(principal) : everything),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

function check({ tls, rulesFile, oauth, sts }: SecurityOptions, host: string): void {
  if (!isLoopback(host)) {
    if (!tls)
      throw new Error(`Kafka host ${host}: others can reach it, so it needs TLS: give a certificate and its key`);
    if (rulesFile === undefined)
      throw new Error(
        `Kafka host ${host}: others can reach it, so it needs a rules file: without one nobody may do anything`,
      );
  }
  if (oauth) checkAlgorithms(oauth.algorithms ?? []);
  if (oauth && !isHttps(oauth.keys) && /^[a-z][a-z0-9+.-]*:\/\//i.test(oauth.keys))
    throw new Error(`keys of the issuer: expected an https address or a file, got ${oauth.keys}`);
  if (sts) checkRegion(sts.region);
}

const isHttps = (keys: string): boolean => URL.canParse(keys) && new URL(keys).protocol === 'https:';

/** Resolves with what the file says at the moment. */
type Watch = <T>(path: string, parse: (text: string) => T) => Promise<() => T>;

async function mechanismsOf(options: SecurityOptions, surroundings: Surroundings, watch: Watch): Promise<Mechanism[]> {
  const { clock } = surroundings;
  const { usersFile, iamKeysFile } = options;
  const users = usersFile === undefined ? undefined : await watch(usersFile, readUsers);
  const keys = iamKeysFile === undefined ? undefined : await watch(iamKeysFile, readIamKeys);
  const verifiers = await tokenVerifiersOf(options, surroundings, watch);
  if (keys) verifiers.push(mskTokens({ keys, clock }));
  return [
    ...(users ? [...scramNames.map((name) => scram(name, users)), plain(users)] : []),
    ...(verifiers.length > 0 ? [oauthBearer(verifiers)] : []),
    ...(keys ? [mskIam({ keys, clock })] : []),
  ];
}

async function tokenVerifiersOf(
  { oauth, sts }: SecurityOptions,
  { clock, fetch = globalThis.fetch }: Surroundings,
  watch: Watch,
): Promise<TokenVerifier[]> {
  const verifiers: TokenVerifier[] = [];
  if (oauth) {
    const remote = isHttps(oauth.keys) ? remoteKeys(oauth.keys, fetch) : undefined;
    const keys = remote ? () => remote : await watch(oauth.keys, localKeys);
    verifiers.push(jwtVerifier({ ...oauth, clock, keys }));
  }
  if (sts) verifiers.push(stsVerifier({ ...sts, clock, fetch }));
  return verifiers;
}
