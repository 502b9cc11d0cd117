// The hourly check of the groups, invoked by hand on the deployed stacks. It runs as a function, with the rights of its role.
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { expect, test } from 'vitest';
import { adminRoutes } from '../../cdk/access.ts';
import { Rivulet } from '../../client/rivulet.ts';
import type { GroupsReport } from '../../lib/maintenance/groups.ts';
import { clientOptions } from '../../tools/emulator/endpoint.ts';
import { createUser, policyFor } from '../../tools/emulator/identities.ts';
import { freshName } from '../conformance/target.ts';
import { onDeployment } from './resources.ts';

await onDeployment(({ endpoint, url, lagFunction }) => {
  test('a group that is behind is reported even if it has no member', async () => {
    const credentials = await createUser(endpoint, freshName(), policyFor(endpoint, url, adminRoutes));
    const rivulet = new Rivulet({ url, credentials });
    const [topic, groupId] = [freshName(), freshName()];
    await rivulet.admin().createTopics({ topics: [{ topic }] });
    await rivulet.producer().send({ topic, messages: ['a', 'b', 'c'].map((value) => ({ value, timestamp: 1 })) });
    await rivulet.admin().setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: 1 }] });
    const lambda = new LambdaClient(clientOptions(endpoint));
    const reply = await lambda.send(new InvokeCommand({ FunctionName: lagFunction }));
    expect(reply.FunctionError).toBeUndefined();
    const report: GroupsReport = JSON.parse(Buffer.from(reply.Payload!).toString());
    // The records are as old as records can be, so this group is first in the list.
    expect(report.behind[0]).toMatchObject({ groupId, topic, partition: 0, lag: 2 });
    await rivulet.admin().deleteGroups([groupId]);
  });
});
