// Every client of a real world gets this.
import type { History } from '../log/history.ts';
import type { RealHome } from './backend.ts';

export const realTopic = 'real';

export type Surroundings = {
  readonly backend: RealHome;
  readonly partitions: number;
  readonly history: History;
  /** When it is true, clients begin nothing new. */
  isOver(): boolean;
};

export const below = (limit: number) => Math.floor(Math.random() * limit);
export const pick = <T>(from: readonly T[]): T => from[below(from.length)]!;
