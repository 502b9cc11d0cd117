// A second CDK app, for deployments beside the one that cdk.json makes. Its functions are bundled already, in the folder that
// `-c bundles=` names, because bundling takes longer than everything else here.
import { App } from 'aws-cdk-lib';
import { CfnSecurityGroup, CfnSecurityGroupIngress } from 'aws-cdk-lib/aws-ec2';
import { configOfContext } from '../../cdk/config.ts';
import { createStacks } from '../../cdk/stacks.ts';

const app = new App();
createStacks(app, configOfContext(app.node.getAllContext()), app.node.tryGetContext('bundles'));

// The emulator has no rules of security groups as resources of their own, and does not tell the range of a VPC.
for (const child of app.node.findAll()) {
  if (child instanceof CfnSecurityGroupIngress) child.node.scope!.node.tryRemoveChild(child.node.id);
  if (child instanceof CfnSecurityGroup) child.addPropertyDeletionOverride('SecurityGroupIngress');
}
