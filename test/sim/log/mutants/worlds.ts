// These are the worlds of the mutants. Each is small and full of one kind of trouble.
import {
  anonymous,
  conditional,
  fencing,
  hasty,
  impatient,
  keyed,
  oneShots,
  pipelined,
  reader,
  recutting,
  repeater,
  steady,
} from './actors.ts';
import { type Actor, type MutantWorld, runSmallWorld, type SmallWorldOptions } from './small-world.ts';
import { stories } from './stories.ts';
import { grower, sweeper } from './sweeper.ts';
import { topicStories } from './topic-stories.ts';
import { topicsWorld } from './topics-world.ts';

const times = (count: number, actor: Actor): Actor[] => Array.from({ length: count }, () => actor);

const world = (
  name: string,
  faultRate: number,
  actors: readonly Actor[],
  more: Partial<SmallWorldOptions> = {},
): MutantWorld => ({
  name,
  run: async (lib, seed) => [
    (await runSmallWorld(lib, seed, { partitions: 1, processes: 2, faultRate, actors, ...more })).history,
  ],
});

/** These clients fill the tail, so that it spills every second or so. */
const crowd = [...times(3, anonymous(30, 40)), oneShots(25, 20)];

export const worlds = {
  ...stories,
  ...topicStories,
  steady: world('steady producers in a crowd', 0.08, [...times(2, steady(12, 400)), ...crowd]),
  returning: world('producers that come back after their eviction', 0.08, [...times(4, steady(5, 3_000)), ...crowd]),
  impatient: world('producers that try once', 0.1, [...times(4, impatient(12, 200)), ...crowd]),
  anonymous: world('writers without an id', 0.15, times(6, anonymous(25, 40))),
  oneShots: world('one-shot producers that repeat late', 0.08, times(4, oneShots(25, 20, 20_000))),
  pipelined: world('producers with five in flight', 0.08, [...times(3, pipelined(15, 5)), ...crowd]),
  repeating: world('producers that repeat what they know', 0.03, [...times(3, repeater(12, 100)), ...crowd]),
  fencing: world('producers with two lives', 0.05, [...times(4, fencing(6, 300)), ...crowd]),
  keyed: world('Idempotency-Keys', 0.08, [...times(2, keyed(15, 10_000)), ...crowd]),
  conditional: world('conditional appends', 0.1, [
    ...times(2, conditional(10, 12, true)),
    ...times(2, conditional(10, 1, true)),
    ...times(2, conditional(10, 1, false)),
    anonymous(20, 200),
  ]),
  recutting: world('producers that cut their batches anew', 0.03, [...times(3, recutting(5, 1_500)), ...crowd]),
  storm: world('half of all calls suffer', 0.5, [...times(3, impatient(12, 200)), ...times(2, anonymous(12, 200))]),
  alone: world('one client, most of whose calls fail', 0.7, [anonymous(60, 100)], {
    processes: 1,
    faultKinds: ['request lost', 'unavailable', 'reply lost'],
  }),
  busy: world('one client of a busy table', 0.8, [anonymous(80, 20)], { processes: 1, faultKinds: ['throttled'] }),
  hasty: world(
    'producers that send ahead, some calls act late',
    0.1,
    [...times(3, hasty(12, 1_000)), anonymous(25, 500)],
    { faultKinds: ['acts late'] },
  ),
  calmlyHasty: world('producers that send ahead, and no faults', 0, times(2, hasty(10, 1_500))),
  hastyAndThrottled: world(
    'producers that send ahead, many calls act late or are throttled',
    0.8,
    [...times(3, impatient(8, 200)), ...times(3, hasty(12, 2_000))],
    { faultKinds: ['throttled', 'throttled', 'throttled', 'acts late'] },
  ),
  ahead: world(
    'conditional appends at an offset that is not there yet',
    0.3,
    [...times(3, conditional(12, 1, true)), ...times(3, conditional(12, 1, false)), anonymous(25, 2_000)],
    { faultKinds: ['acts late', 'request lost'] },
  ),
  swept: world(
    'sweeps that fence all that is on its way',
    0.1,
    [
      sweeper(15, 1_500),
      ...times(4, anonymous(15, 300)),
      ...times(2, steady(12, 200)),
      ...times(2, impatient(12, 200)),
      reader(20, 200, 100),
    ],
    { faultKinds: ['reply lost', 'acts late', 'acts hours late', 'acts again late', 'killed after'] },
  ),
  calmlySwept: world('sweeps, and no faults', 0, [
    sweeper(12, 600),
    ...times(3, anonymous(15, 100)),
    ...times(2, steady(12, 200)),
  ]),
  grouped: world(
    'clients of one process, whose appends share segments and often fail',
    0.5,
    [...times(4, anonymous(12, 100)), ...times(2, impatient(8, 100))],
    { processes: 1, groupCommit: { uploadsAtOnce: 1 }, faultKinds: ['request lost', 'unavailable', 'reply lost'] },
  ),
  calmlyGrouped: world(
    'clients of one process, whose appends share segments, and no faults',
    0,
    [...times(6, anonymous(15, 30)), ...times(3, pipelined(12, 5))],
    { processes: 1, groupCommit: { uploadsAtOnce: 1 } },
  ),
  growing: world(
    'partitions that are added while sweeps go on',
    0,
    [sweeper(12, 300), grower(12, 300), ...times(4, anonymous(25, 50, 12))],
    { asksTooMuch: true },
  ),
  waiting: world('readers that wait', 0, [...times(2, reader(15, 100, 3_000)), anonymous(25, 800)], { processes: 3 }),
  staring: world('a reader that waits beside slow writers', 0, [reader(40, 50, 1_000), anonymous(25, 500)], {
    processes: 3,
  }),
  calm: world('no faults at all', 0, [
    ...times(2, steady(10, 300)),
    ...times(2, pipelined(10, 5)),
    ...times(2, repeater(6, 100)),
    fencing(4, 300),
    keyed(6, 2_000),
    conditional(5, 1, true),
    reader(40, 200, 500),
    ...crowd,
  ]),
  reading: world('readers in a crowd', 0.03, [
    ...times(3, reader(40, 200, 1_500)),
    ...times(2, steady(10, 200)),
    ...crowd,
  ]),
  topics: topicsWorld,
};
