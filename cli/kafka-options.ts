// The options of the Kafka listener that decide who may connect and do what. Every command that opens such a listener takes
// them from here. They become plain values; kafka/auth reads the files.
import type { Command } from 'commander';
import type { SecurityOptions } from '../kafka/auth/security.ts';
import type { Address } from '../kafka/server.ts';
import { addressList, notEmpty, wholeNumber } from './options.ts';

export type KafkaAddressOptions = { kafkaHost?: string; kafkaAdvertise?: readonly Address[] };

export type KafkaSecurityOptions = {
  kafkaTlsCert?: string;
  kafkaTlsKey?: string;
  kafkaTlsClientCa?: string;
  kafkaUsers?: string;
  kafkaRules?: string;
  kafkaOauthIssuer?: string;
  kafkaOauthAudience?: string;
  kafkaOauthKeys?: string;
  kafkaOauthAlgorithms?: readonly string[];
  kafkaStsCluster?: string;
  kafkaStsRegion?: string;
  kafkaIamKeys?: string;
};

/** The options of a service that has another listener besides. */
export const addKafkaAddressOptions = (command: Command): Command =>
  command
    .option(
      '--kafka-host <address>',
      "the address to listen on for Kafka's clients; others than loopback need TLS and rules",
      notEmpty,
    )
    .option(
      '--kafka-advertise <host:port>',
      "where Kafka's clients find this node; default: where it listens",
      addressList,
    );

/** Each member that joins begins a round anew, which costs writes. Kafka's own default is three seconds. */
export const rebalanceDelay = {
  description: 'how long the first round of a group waits for more members',
  argument: '<ms>',
  parse: wholeNumber(0, 60_000),
} as const;

export function addKafkaSecurityOptions(command: Command): Command {
  return command
    .option('--kafka-tls-cert <file>', "a certificate in PEM: Kafka's clients connect over TLS", notEmpty)
    .option('--kafka-tls-key <file>', 'its private key in PEM', notEmpty)
    .option(
      '--kafka-tls-client-ca <file>',
      'the roots, in PEM, of certificates by which clients authenticate',
      notEmpty,
    )
    .option(
      '--kafka-users <file>',
      'users and passwords (SCRAM; over TLS also PLAIN), as `rivulet kafka users ...` writes them',
      notEmpty,
    )
    .option('--kafka-rules <file>', 'who may do what (JSON); docs/KAFKA.md has the form', notEmpty)
    .option('--kafka-oauth-issuer <url>', 'the issuer of tokens for OAUTHBEARER', notEmpty)
    .option('--kafka-oauth-audience <name>', 'the audience that its tokens must have', notEmpty)
    .option('--kafka-oauth-keys <url or file>', 'its keys (JWKS), at an https address or in a file', notEmpty)
    .option(
      '--kafka-oauth-algorithms <names>',
      'the algorithms of signatures to take, with commas; default: all asymmetric ones',
      names,
    )
    .option(
      '--kafka-sts-cluster <name>',
      'take the tokens of `rivulet kafka token --cluster <name>`: IAM identities',
      notEmpty,
    )
    .option('--kafka-sts-region <region>', 'the region whose STS is asked; default AWS_REGION', notEmpty)
    .option('--kafka-iam-keys <file>', 'access keys (JSON) for clients made for Amazon MSK', notEmpty);
}

const names = (text: string): readonly string[] => text.split(',').map((name) => name.trim());

/** Undefined if none is given. Throws if options are missing that belong together. */
export function kafkaSecurityOf(given: KafkaSecurityOptions): SecurityOptions | undefined {
  const { kafkaTlsCert: certFile, kafkaTlsKey: keyFile, kafkaTlsClientCa: clientCaFile } = given;
  const { kafkaUsers: usersFile, kafkaRules: rulesFile, kafkaIamKeys: iamKeysFile, kafkaStsCluster: cluster } = given;
  const { kafkaOauthIssuer: issuer, kafkaOauthAudience: audience, kafkaOauthKeys: keys } = given;
  const { kafkaOauthAlgorithms: algorithms, kafkaStsRegion: region = process.env.AWS_REGION } = given;
  together({ '--kafka-tls-cert': certFile, '--kafka-tls-key': keyFile }, { '--kafka-tls-client-ca': clientCaFile });
  together(
    { '--kafka-oauth-issuer': issuer, '--kafka-oauth-audience': audience, '--kafka-oauth-keys': keys },
    { '--kafka-oauth-algorithms': algorithms },
  );
  if (cluster !== undefined) together({ '--kafka-sts-cluster': cluster, '--kafka-sts-region, or AWS_REGION': region });
  const security: SecurityOptions = {
    ...(certFile && keyFile && { tls: { certFile, keyFile, ...(clientCaFile && { clientCaFile }) } }),
    ...(issuer && audience && keys && { oauth: { issuer, audience, keys, ...(algorithms && { algorithms }) } }),
    ...(cluster && region && { sts: { cluster, region } }),
    ...{ ...(usersFile && { usersFile }), ...(iamKeysFile && { iamKeysFile }), ...(rulesFile && { rulesFile }) },
  };
  return Object.keys(security).length > 0 ? security : undefined;
}

type Flags = Readonly<Record<string, unknown>>;

/** All of them are given or none, and none of `more` without them. */
function together(flags: Flags, more: Flags = {}): void {
  const isGiven = ([, value]: [string, unknown]): boolean => value !== undefined;
  const [given] = [...Object.entries(flags), ...Object.entries(more)].filter(isGiven);
  const missing = Object.entries(flags).find((flag) => !isGiven(flag));
  if (given && missing) throw new Error(`${given[0]}: expected ${missing[0]} beside it, got none`);
}
