// Who the demo and its members are, to a service that is not their own: as the environment says, like the command line.
import { ownCredentials } from '../cli/connect.ts';
import type { RivuletOptions } from '../lib/client/rivulet.ts';

export function identity(): Pick<RivuletOptions, 'credentials' | 'region'> {
  const credentials = ownCredentials();
  const region = process.env.AWS_REGION;
  return { ...(credentials && { credentials }), ...(region !== undefined && { region }) };
}
