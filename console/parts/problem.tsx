// Shows an error as the service told it: its detail, its code and the id of its request, which finds it in the log.
import { isClientError, type RivuletClientError } from '../../client/client-error.ts';
import { Command } from './copy.tsx';

export function Problem({ error }: { readonly error: unknown }) {
  if (!error) return null;
  const known = isClientError(error) ? error : undefined;
  return (
    <div className="problem" role="alert">
      <strong>{known?.detail ?? (error instanceof Error ? error.message : String(error))}</strong>
      {known && <Details of={known} />}
      {known && <Advice of={known.extra} />}
    </div>
  );
}

function Details({ of: { errorCode, status, outcome, requestId } }: { readonly of: RivuletClientError }) {
  return (
    <div className="faint">
      {[errorCode, status, outcome && `outcome ${outcome}`].filter(Boolean).join(', ')}
      {requestId && (
        <>
          , request <code>{requestId}</code>
        </>
      )}
    </div>
  );
}

/** Says what to do about a refusal. The server of this page names the right that a call needs, and lets nobody else do so. */
function Advice({ of: { action, resource } }: { readonly of: RivuletClientError['extra'] }) {
  if (typeof action !== 'string' || typeof resource !== 'string') return null;
  return (
    <div>
      If the credentials are right, their policy lacks this line:
      <Command line={JSON.stringify({ Effect: 'Allow', Action: action, Resource: resource })} />
    </div>
  );
}
