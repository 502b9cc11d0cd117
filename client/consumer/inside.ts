// This file finds out whether one of our own handlers or listeners calls us. Such a caller must not wait for work that
// waits for it: that would deadlock. Something that a handler leaves behind, a timer for instance, no longer belongs to it
// once the batch is done. (Once the message is done would be better, but it made reading half as fast.)
import { AsyncLocalStorage } from '../transport/node.ts';

export type Inside = {
  run(work: () => Promise<void> | void): Promise<void>;
  isHere(): boolean;
};

export function newInside(): Inside {
  const calls = new AsyncLocalStorage<{ isDone: boolean }>();
  return {
    async run(work) {
      const call = { isDone: false };
      try {
        await calls.run(call, work);
      } finally {
        call.isDone = true;
      }
    },
    isHere: () => calls.getStore()?.isDone === false,
  };
}
