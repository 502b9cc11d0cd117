// The secret of the Kafka gateway: a JSON object whose members are the options of `rivulet kafka` that begin with --kafka-, without
// that beginning. The contents of files stand where the options name files.
//
//   { "tls-cert": "-----BEGIN CERTIFICATE-----...", "tls-key": "...", "users": { "version": 1, ... }, "rules": { ... } }

const files = ['tls-cert', 'tls-key', 'tls-client-ca', 'users', 'rules', 'iam-keys'];
const values = ['oauth-issuer', 'oauth-audience', 'oauth-keys', 'oauth-algorithms', 'sts-cluster', 'sts-region'];

export type SecurityArguments = {
  readonly arguments: readonly string[];
  /** The name of each file that the arguments name, and its content. */
  readonly files: ReadonlyMap<string, string>;
};

/** Throws, with a sentence that shows no secret, if a member has another name or form. */
export function securityArguments(secret: string, folder: string): SecurityArguments {
  const members = Object.entries(membersOf(secret));
  const unknown = members.find(([name]) => ![...files, ...values].includes(name));
  if (unknown) throw new Error(`secret: expected members of ${[...files, ...values].join(', ')}, got ${unknown[0]}`);
  const written = new Map(
    members.filter(([name]) => files.includes(name)).map(([name, content]) => [`${folder}/${name}`, textOf(content)]),
  );
  const flags = members.map(([name, value]) => {
    const given = files.includes(name) ? `${folder}/${name}` : value;
    if (typeof given === 'string' && given !== '') return [`--kafka-${name}`, given];
    throw new Error(`secret: ${name}: expected text`);
  });
  return { arguments: flags.flat(), files: written };
}

/** Users and rules may be JSON inside the JSON, or text. */
const textOf = (content: unknown): string => (typeof content === 'string' ? content : JSON.stringify(content));

function membersOf(secret: string): Record<string, unknown> {
  try {
    const members: unknown = JSON.parse(secret);
    if (typeof members === 'object' && members !== null && !Array.isArray(members)) return { ...members };
  } catch {
    // The parser would quote the secret.
  }
  throw new Error('secret: expected a JSON object');
}
