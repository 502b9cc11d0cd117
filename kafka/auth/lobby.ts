// Connections whose clients are not known yet wait here.
//
// Invariant: there are so many of them at most, each for so long at most. When one more comes, the oldest is closed, so that
// connections that say nothing cannot keep others out.
import type { Socket } from 'node:net';
import type { Limits } from '../limits.ts';

export type Lobby = {
  enter(socket: Socket): void;
  /** The client is known now, or gone. */
  leave(socket: Socket): void;
};

/** The two ends of a connection tell it from all others: TLS has a socket of its own above the one of TCP. */
const nameOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

export function createLobby({ unauthenticatedConnections, authenticationMs }: Limits): Lobby {
  const waiting = new Map<string, () => void>();
  const leave = (name: string): void => {
    waiting.delete(name);
  };
  return {
    enter(socket) {
      const name = nameOf(socket);
      const close = (): void => {
        leave(name);
        socket.destroy();
      };
      const timer = setTimeout(() => waiting.get(name) === close && close(), authenticationMs);
      waiting.set(name, close);
      socket.on('close', () => {
        clearTimeout(timer);
        if (waiting.get(name) === close) leave(name);
      });
      const [oldest] = waiting.values();
      if (waiting.size > unauthenticatedConnections) oldest!();
    },
    leave: (socket) => leave(nameOf(socket)),
  };
}
