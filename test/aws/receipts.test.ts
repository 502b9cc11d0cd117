// What an operation costs does not depend on who serves it: the deployed API asks of S3 and DynamoDB what the embedded backend
// asks of its files and SQLite, call by call and unit by unit.
import { expect, test } from 'vitest';
import { adminRoutes } from '../../cdk/access.ts';
import { embeddedFunctions } from '../../tools/bench/embedded-functions.ts';
import { receiptsOf } from '../../tools/bench/receipts.ts';
import { createUser, policyFor } from '../../tools/emulator/identities.ts';
import { sendSigned } from '../../tools/emulator/signed-request.ts';
import { freshName } from '../conformance/target.ts';
import { onDeployment } from './resources.ts';

await onDeployment(({ endpoint, url }) => {
  // Where other files run beside this one, a request may meet a process with colder caches: then once more.
  test('receipts are those of the embedded backend', { retry: 2 }, async () => {
    const operator = await createUser(endpoint, freshName(), policyFor(endpoint, url, adminRoutes));
    // Of the same length: items are billed by their size.
    const topic = freshName();
    const deployed = await receiptsOf((request) => sendSigned(url, operator, request), topic);
    expect(deployed).toEqual(await receiptsOf(embeddedFunctions(), topic));
    expect(deployed.get('append')).toMatchObject({ 's3-put': 1, 'dynamodb-read-units': 0, 'dynamodb-write-units': 1 });
  });
});
