// The one error of the codec: the bytes of a frame are not what Kafka's protocol allows. The connection that sent them is
// closed, because nothing that follows can be trusted to be where it seems.
export class MalformedFrameError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'MalformedFrameError';
  }
}
