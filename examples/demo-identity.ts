// Who the demo and its members are, to a service that is not their own: as the environment says, like the command line.
import { environmentRegion, ownCredentials } from '../cli/connect.ts';
import type { RivuletOptions } from '../client/rivulet.ts';

export function identity(url: string): Pick<RivuletOptions, 'credentials' | 'region'> {
  const credentials = ownCredentials();
  const region = environmentRegion(url);
  return { ...(credentials && { credentials }), ...(region !== undefined && { region }) };
}
