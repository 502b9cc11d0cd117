// Findings of cdk-nag that we know and accept. Each has its reason beside the resource. The construct does not need
// cdk-nag: the CDK itself keeps the acknowledgements, and users who check their app with cdk-nag see them answered.
import { Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

type AcceptedFinding = { readonly id: string; readonly reason: string };

export function accept(construct: IConstruct, ...findings: readonly AcceptedFinding[]): void {
  Validations.of(construct).acknowledge(...findings);
}

/** Accepts a policy whose resource has a `*`. cdk-nag names such a finding by the resource. */
export function acceptWildcard(construct: IConstruct, resource: string, reason: string): void {
  const id = `AwsSolutions-IAM5[Resource::${flat(Stack.of(construct).resolve(resource))}]`;
  accept(construct, { id, reason });
}

/** A resolved value as cdk-nag writes it: `<Bucket.Arn>/*`. */
function flat(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const [[name, of] = []] = Object.entries(value);
  if (name === 'Fn::Join') return of[1].map(flat).join(of[0]);
  if (name === 'Fn::Sub') return of.replace(/\$\{(.*?)\}/g, '<$1>');
  if (name === 'Fn::GetAtt') return `<${of.join('.')}>`;
  return name === 'Ref' ? `<${of}>` : flat(of);
}
