// This runs a sample of the small worlds of committed offsets. Those with members take many calls.
import { testSample } from '../core/sample.ts';
import { smallOffsetsWorlds } from './small-worlds.ts';

const hasMembers = ({ name }: { readonly name: string }) => name.startsWith('a member');

testSample(
  'sim:offsets',
  smallOffsetsWorlds.filter((world) => !hasMembers(world)),
  { every: 13, pairs: 5 },
);
testSample('sim:offsets', smallOffsetsWorlds.filter(hasMembers), { every: 46, pairs: 3 });
