// The cost of an operation does not depend on the backend. The deployed API makes the same calls to S3 and DynamoDB as the
// embedded backend makes to its files and SQLite, unit by unit.
import { expect, test } from 'vitest';
import { adminRoutes } from '../../cdk/access.ts';
import { embeddedFunctions } from '../../tools/bench/embedded-functions.ts';
import { receiptsOf } from '../../tools/bench/receipts.ts';
import { createUser, policyFor } from '../../tools/emulator/identities.ts';
import { sendSigned } from '../../tools/emulator/signed-request.ts';
import { freshName } from '../conformance/target.ts';
import { onDeployment } from './resources.ts';

await onDeployment(({ endpoint, url }) => {
  // If other test files run in parallel, a request may reach a function with colder caches. Then the test runs again.
  test('receipts are those of the embedded backend', { retry: 5 }, async () => {
    const operator = await createUser(endpoint, freshName(), policyFor(endpoint, url, adminRoutes));
    // Both use the same topic name, because items are billed by their size.
    const topic = freshName();
    const deployed = await receiptsOf((request) => sendSigned(url, operator, request), topic);
    expect(deployed).toEqual(await receiptsOf(embeddedFunctions(), topic));
    expect(deployed.get('append')).toMatchObject({ 's3-put': 1, 'dynamodb-read-units': 0, 'dynamodb-write-units': 1 });
  });
});
