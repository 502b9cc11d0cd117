// Passes that somebody asks for: a request only stores the wish and wakes a process that does the work.
import { RivuletError } from '../api/errors.ts';
import type { Maintenance, MaintenancePass } from '../api/maintenance.ts';
import { translated } from '../storage/outcome.ts';
import type { Topics } from '../topic/topics.ts';
import type { PassRef } from './pass.ts';
import { type PassTable, readPass, requestPass, type StoredPass } from './pass-item.ts';

export type MaintenanceOptions = PassTable & {
  readonly topics: Topics;
  /** Wakes a process that runs the pass. It may fail, and the caller may then ask again. */
  readonly wake: (pass: PassRef) => Promise<void>;
};

export function createMaintenance(options: MaintenanceOptions): Maintenance {
  const { topics } = options;
  const idOf = async (topic: string | undefined): Promise<string | undefined> =>
    topic === undefined ? undefined : (await topics.describe(topic)).topicId;
  return {
    start: ({ topic, ...wanted }) =>
      translated(
        (async () => {
          const topicId = await idOf(topic);
          const { pass } = await requestPass(options, topicId, wanted);
          // Also the pass that waits already is woken: the process that asked for it may have died before it did so.
          if (pass.state === 'requested') await options.wake({ passId: pass.passId, ...(topicId && { topicId }) });
          return shown(pass);
        })(),
        'write',
      ),
    last: ({ topic }) =>
      translated(
        (async () => {
          const pass = await readPass(options, await idOf(topic));
          if (pass) return shown(pass);
          const what = topic === undefined ? 'all topics' : `topic ${topic}`;
          throw new RivuletError('NOT_FOUND', `no maintenance of ${what} was ever requested: start a pass first`);
        })(),
        'read',
      ),
  };
}

function shown({ cursor: _, soFar: __, ...pass }: StoredPass): MaintenancePass {
  return pass;
}
