// Ends a pass of maintenance that has run out of time or of memory. The message says what is left.
export class Unfinished extends Error {}
