// Whether it is a handler or listener of ours that calls us: it must not wait for what waits for it. What it leaves behind,
// a timer for instance, is no part of it once the batch is done. (Once the message is would be better, and made reading
// half as fast.)
import { AsyncLocalStorage } from 'node:async_hooks';

export type Inside = {
  run(work: () => Promise<void>): Promise<void>;
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
