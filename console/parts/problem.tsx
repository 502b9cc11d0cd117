// Shows an error as the service told it: its detail, its code and the id of its request, which finds it in the log.
import { isClientError } from '../../client/client-error.ts';
import { Command } from './copy.tsx';

export function Problem({ error }: { readonly error: unknown }) {
  if (!error) return null;
  const known = isClientError(error) ? error : undefined;
  const code = known ? [known.errorCode, known.status].filter(Boolean).join(', ') : 'unexpected';
  return (
    <div className="problem" role="alert">
      <strong>{known?.detail ?? (error instanceof Error ? error.message : String(error))}</strong>
      <div className="faint">
        {code}
        {known?.outcome && `, outcome ${known.outcome}`}
        {known?.requestId && (
          <>
            , request <code>{known.requestId}</code>
          </>
        )}
      </div>
      {known?.errorCode === 'FORBIDDEN' && <Advice detail={known.detail} />}
    </div>
  );
}

/** Says what to do about a refusal: IAM's own sentence names the action and the resource that a policy has to allow. */
function Advice({ detail }: { readonly detail: string }) {
  const [, action, resource] = /not authorized to perform: ([^\s"]+) on resource: ([^\s"]+)/.exec(detail) ?? [];
  if (action === undefined) return null;
  const statement = `{"Effect":"Allow","Action":"${action}","Resource":"${resource}"}`;
  return (
    <div>
      The policy of these credentials has to have the line
      <Command line={statement} />
    </div>
  );
}
