// The demo's consumer group: three processes that share the partitions. One of them is killed in the middle, and the other
// two take over its partitions.
import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import type { ReadFlight } from './flights.ts';

export type MemberOptions = {
  readonly url: string;
  readonly name: string;
  readonly topic: string;
  readonly groupId: string;
  readonly sessionTimeoutMs: number;
};

export type MemberReport =
  | { readonly assigned: readonly number[] }
  | { readonly revoked: readonly number[] }
  | { readonly read: readonly ReadFlight[] };

export type Group = {
  /** Resolves when each of the three has its share. */
  readonly shared: Promise<void>;
  /** Resolves when so many different flights are read and the members have left the group. */
  finished(total: number): Promise<GroupRead>;
  kill(): void;
};

export type GroupRead = {
  /** Each flight once, in the order in which they were read for the first time. */
  readonly flights: readonly ReadFlight[];
  /** How many flights came a second time. */
  readonly repeated: number;
};

const names = ['anna', 'bruno', 'clara'] as const;
export const victim = 'bruno';
/** The shortest session that a group allows. The others wait this long for a member that is silent. */
const sessionTimeoutMs = 6_000;

type Reading = {
  readonly url: string;
  readonly topic: string;
  readonly groupId: string;
  readonly partitions: number;
  /** One member is killed when so many flights are read. */
  readonly killAt: number;
  readonly say: (text: string) => void;
};

type Member = { readonly name: string; readonly process: ChildProcess; readonly owned: Set<number> };

export function startGroup({ url, topic, groupId, partitions, killAt, say }: Reading): Group {
  const members = names.map((name): Member => {
    return { name, process: start({ url, name, topic, groupId }), owned: new Set() };
  });
  const flights = new Map<string, ReadFlight>();
  const changed = new EventEmitter();
  let repeated = 0;
  let killedMs: number | undefined;

  function heard({ name, owned }: Member, report: MemberReport): void {
    if ('read' in report) take(report.read);
    else if ('revoked' in report) for (const partition of report.revoked) owned.delete(partition);
    else {
      for (const partition of report.assigned) owned.add(partition);
      if (killedMs !== undefined)
        say(`${name} takes over ${listed(report.assigned)}, ${seconds(performance.now() - killedMs)} after the kill`);
    }
    changed.emit('changed');
  }

  function take(read: readonly ReadFlight[]): void {
    for (const flight of read) {
      const key = `${flight.partition}/${flight.offset}`;
      if (flights.has(key)) repeated++;
      else flights.set(key, flight);
    }
    if (killedMs === undefined && flights.size >= killAt) killOne();
  }

  function killOne(): void {
    const { process, owned } = members.find(({ name }) => name === victim)!;
    killedMs = performance.now();
    process.kill('SIGKILL');
    say(
      `Killed ${victim}. Its partitions ${listed(owned)} wait until its session of ${seconds(sessionTimeoutMs)} is over`,
    );
  }

  const survivors = () => members.filter(({ name }) => killedMs === undefined || name !== victim);
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await once(changed, 'changed');
  };
  for (const member of members) {
    member.process.on('message', (report: MemberReport) => heard(member, report));
    member.process.once('exit', (code) => {
      if (survivors().includes(member)) changed.emit('error', new Error(`${member.name} ended with ${code}`));
    });
  }
  return {
    shared: until(() => members.every(({ owned }) => owned.size === partitions / members.length)).then(() => {
      for (const { name, owned } of members) say(`${name} has partitions ${listed(owned)}`);
    }),
    async finished(total) {
      await until(() => flights.size === total);
      await Promise.all(survivors().map(sendHome));
      return { flights: [...flights.values()], repeated };
    },
    kill: () => {
      for (const { process } of members) process.kill('SIGKILL');
    },
  };
}

function start(options: Omit<MemberOptions, 'sessionTimeoutMs'>): ChildProcess {
  const full: MemberOptions = { ...options, sessionTimeoutMs };
  return fork(new URL('demo-member.ts', import.meta.url), [JSON.stringify(full)]);
}

/** Stops a member: it commits what it has handled, and leaves the group. */
async function sendHome({ process }: Member): Promise<void> {
  process.removeAllListeners('exit');
  process.send('stop');
  await once(process, 'exit');
}

function listed(partitions: Iterable<number>): string {
  return [...partitions].sort((a, b) => a - b).join(', ');
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
