// Who the demo and its members are, to a service that is not their own: as the environment says, like the command line.
import { ownCredentials, regionOfEnvironment } from '../cli/connect.ts';
import type { RivuletOptions } from '../lib/client/rivulet.ts';

export function identity(url: string): Pick<RivuletOptions, 'credentials' | 'region'> {
  const credentials = ownCredentials();
  const region = regionOfEnvironment(url);
  return { ...(credentials && { credentials }), ...(region !== undefined && { region }) };
}
