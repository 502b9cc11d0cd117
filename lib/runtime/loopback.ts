// Whether a host is this machine, whoever asks. A service there takes local/local, and the region us-east-1.

/**
 * Names below localhost are left out: only browsers and RFC 6761 promise where those lead. URLs put IPv6 into brackets, and
 * write an IPv4 address inside IPv6 in hexadecimal.
 */
export const isLoopback = (host: string): boolean =>
  /^(localhost|127(\.\d{1,3}){3}|\[?(::1|::ffff:7f[\da-f]{2}:[\da-f]{1,4})\]?)$/.test(host);
