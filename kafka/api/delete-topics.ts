// DeleteTopics (20). Deletes topics with all their records.
//
// Versions 1 to 6; from version 6 on a topic may be named by its id, and then another topic that has its name by now stays.
import { RivuletError } from '../../lib/api/errors.ts';
import { inParallel } from '../../lib/runtime/concurrency.ts';
import { type Call, defineApi, type Gateway } from '../api.ts';
import { changeCode, code, messageOf } from '../errors.ts';

type Request = {
  readonly topics: readonly { readonly name: string | null; readonly topicId: string }[];
  readonly topicNames: readonly string[];
};

type Reply = { readonly responses: readonly TopicReply[] };

type TopicReply = {
  readonly name: string | null;
  readonly topicId?: string;
  readonly errorCode: number;
  readonly errorMessage: string | null;
};

type Target = { readonly name: string | null; readonly topicId?: string };

const topicsAtOnce = 8;

export const deleteTopics = defineApi<Request, Reply>({
  key: 20,
  versions: [1, 6],
  overlaps: false,
  async answer(gateway, request, call) {
    return { responses: await inParallel(targetsOf(request, call), topicsAtOnce, (topic) => remove(gateway, topic)) };
  },
});

const firstVersionWithIds = 6;

function targetsOf({ topics, topicNames }: Request, { version }: Call): readonly Target[] {
  if (version < firstVersionWithIds) return topicNames.map((name) => ({ name }));
  return topics.map(({ name, topicId }) => (name === null ? { name, topicId } : { name }));
}

async function remove({ engine, names }: Gateway, target: Target): Promise<TopicReply> {
  const { topicId } = target;
  try {
    const name = target.name ?? (await names.nameOf(topicId!));
    if (name === undefined) return { ...target, errorCode: code.unknownTopicId, errorMessage: 'no topic has this id' };
    await engine.deleteTopic(name, topicId);
    return { ...target, name, errorCode: code.none, errorMessage: null };
  } catch (error) {
    if (!(error instanceof RivuletError)) throw error;
    const isRecreated = error.errorCode === 'INCONSISTENT_TOPIC_ID';
    const errorCode = isRecreated ? code.unknownTopicId : changeCode(error);
    return { ...target, errorCode, errorMessage: messageOf(error) };
  }
}
