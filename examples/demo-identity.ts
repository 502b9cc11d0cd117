// The identity of the demo and its members at a service that is not their own. They take it from the environment, as the
// command line does.
import { environmentRegion, ownCredentials } from '../cli/connect.ts';
import type { RivuletOptions } from '../client/rivulet.ts';

export function identity(url: string): Pick<RivuletOptions, 'credentials' | 'region'> {
  const credentials = ownCredentials();
  const region = environmentRegion(url);
  return { ...(credentials && { credentials }), ...(region !== undefined && { region }) };
}
