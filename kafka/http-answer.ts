// People give this port to a client of our HTTP API. It is told so in its own protocol, because it would see only an end of the
// connection else.

/** The first four bytes that HTTP requests begin with. */
export const isHttp = (prefix: Buffer): boolean =>
  /^(GET |HEAD|POST|PUT |PATC|DELE|OPTI)/.test(prefix.toString('latin1'));

const sentence = "This port speaks Kafka's protocol: the HTTP API of Rivulet has another port (rivulet serve: 9292).\n";

export const httpAnswer = [
  'HTTP/1.1 400 Bad Request',
  'content-type: text/plain; charset=utf-8',
  `content-length: ${sentence.length}`,
  'connection: close',
  '',
  sentence,
].join('\r\n');
