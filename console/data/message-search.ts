// The page of messages keeps these values in its URL, so that a view can be shared. Invariant: whatever a URL holds, this gives
// values that the page can use.

export type MessageSearch = {
  readonly partition?: number;
};

export function messageSearch({ partition }: Record<string, unknown>): MessageSearch {
  return { ...(Number.isSafeInteger(partition) && Number(partition) >= 0 && { partition: Number(partition) }) };
}
