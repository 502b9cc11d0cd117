// A page that has nothing shows this: one sentence, and the command that changes it.
import type { ReactNode } from 'react';
import { Command } from './copy.tsx';

export function Empty({ children, command }: { readonly children: ReactNode; readonly command?: string }) {
  return (
    <div className="empty">
      <p>{children}</p>
      {command !== undefined && <Command line={command} />}
    </div>
  );
}
