// The conformance suite over the deployed HTTP API: a gateway that checks signatures and policies, functions that run, S3
// and DynamoDB. The embedded backend has the same suite. docs/EMULATOR.md lists what the emulator does differently.
import { adminRoutes } from '../../cdk/access.ts';
import { createUser, policyFor } from '../../tools/emulator/identities.ts';
import { sendSigned } from '../../tools/emulator/signed-request.ts';
import { httpConformance } from '../conformance/http-conformance.ts';
import { onDeployment } from './resources.ts';

const text = 'the gateway hands JSON on as text, and compressed bytes do not survive that';
const decoded = 'the gateway decodes the path before it chooses the route and the function sees it';

await onDeployment(({ endpoint, url }) => {
  httpConformance(
    'deployed on the emulator',
    async () => {
      const operator = await createUser(endpoint, 'conformance', policyFor(endpoint, url, adminRoutes));
      return { send: (request) => sendSigned(url, operator, request), close: async () => {} };
    },
    {
      'with the topic a%2Fb is refused, never decoded': decoded,
      'with the topic a%2fb is refused, never decoded': decoded,
      'with the partition "%31" is refused': decoded,
      'with JSON is taken': text,
      'that is too large when it is unpacked is a 413: JSON': text,
      'of invalid UTF-8 is refused': 'the gateway puts U+FFFD in its place, and the function cannot tell',
    },
  );
});
