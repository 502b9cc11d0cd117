// The one error of the codec: the bytes of a frame are not what Kafka's protocol allows. The connection that sent them is
// closed, because nothing that follows can be trusted to be where it seems.
export class MalformedFrameError extends Error {
  /** For a client of another protocol, which reads this before the connection is closed. */
  readonly answer: string | undefined;

  constructor(message: string, answer?: string) {
    super(message);
    this.name = 'MalformedFrameError';
    this.answer = answer;
  }
}
