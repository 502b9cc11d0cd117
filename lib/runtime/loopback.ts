// Which hosts are this machine. There are two kinds, because of credentials: a service on loopback takes local/local and the
// region us-east-1, and a name below localhost may be the API of an AWS emulator, which takes credentials of its own.

/**
 * This machine, whoever asks. Names below localhost are left out: not every system's resolver knows them. URLs put IPv6 into brackets, and
 * write an IPv4 address inside IPv6 in hexadecimal.
 */
export const isLoopback = (host: string): boolean =>
  /^(localhost|127(\.\d{1,3}){3}|\[?(::1|::ffff:7f[\da-f]{2}:[\da-f]{1,4})\]?)$/.test(host);

/** This machine for browsers and for the SDK (RFC 6761): no DNS entry can point these names elsewhere. */
export const isBelowLocalhost = (host: string): boolean => host.endsWith('.localhost');
