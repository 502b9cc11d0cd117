// Guards stand before the handlers. A guard takes out of a request what its principal may not do, and puts the refusals into
// the reply. So a handler sees only what is allowed, and need not know of rights.
//
// Invariant: if nothing of a request is allowed, its handler is not called: an empty list may mean "all" to it.
import { code } from '../../errors.ts';
import type { Operation, ResourceKind, Rights } from './rules.ts';

/** A request or a reply, with the fields that the table has. A test holds the names here to the table. */
export type Message = { readonly [field: string]: unknown };

export type Asker = {
  readonly rights: Rights;
  readonly version: number;
  /** Undefined if no topic has the id. */
  nameOf(topicId: string): Promise<string | undefined>;
};

export type Verdict =
  /** The allowed part of the request; `complete` adds the refusals to the reply. */
  | { readonly request: Message; readonly complete?: (reply: Message) => Message }
  /** Nothing is allowed. */
  | { readonly reply: Message };

export type Guard = (request: Message, asker: Asker) => Verdict | Promise<Verdict>;

export const listIn = (message: Message, field: string): readonly Message[] =>
  (message[field] as readonly Message[] | null | undefined) ?? [];

export const textIn = (message: Message, field: string): string => (message[field] as string | null) ?? '';

export const refusalOf: { readonly [kind in ResourceKind]: number } = {
  topic: code.topicAuthorizationFailed,
  group: code.groupAuthorizationFailed,
  transactionalId: code.transactionalIdAuthorizationFailed,
  cluster: code.clusterAuthorizationFailed,
};

/** Everybody may. */
export const free: Guard = (request) => ({ request });

type Refuse = (request: Message, errorCode: number) => Message;

/** The reply has one code for the whole request. */
export const atTop: Refuse = (_, errorCode) => ({ errorCode });

/** The whole request is about one resource, which a field names. A request without a name has no such resource. */
export const onOne =
  (operation: Operation, kind: 'group' | 'transactionalId', field: string, refuse: Refuse = atTop): Guard =>
  (request, { rights }) =>
    request[field] === null || rights.may(operation, kind, textIn(request, field))
      ? { request }
      : { reply: refuse(request, refusalOf[kind]) };

export const onCluster =
  (operation: Operation, refuse: Refuse = atTop): Guard =>
  (request, { rights }) =>
    rights.may(operation, 'cluster') ? { request } : { reply: refuse(request, refusalOf.cluster) };

type Resource = { readonly kind: ResourceKind; readonly name?: string };

type Elements = {
  readonly operation: Operation;
  /** The list of the request, and that of the reply. */
  readonly list: string;
  readonly replies: string;
  /** The resource that an element stands for. Undefined if no topic has its id. */
  readonly resourceOf: (element: Message, asker: Asker) => Resource | undefined | Promise<Resource | undefined>;
  readonly refuse: Refuse;
  /** Another right that is as good. */
  readonly or?: (rights: Rights) => boolean;
};

/** Each element of a list is about a resource of its own. */
export const onEach =
  ({ operation, list, replies, resourceOf, refuse, or }: Elements): Guard =>
  async (request, asker) => {
    const { rights } = asker;
    const elements = listIn(request, list);
    if (elements.length === 0 || or?.(rights)) return { request };
    const resources = await Promise.all(elements.map((element) => resourceOf(element, asker)));
    const codes = resources.map((resource) => {
      // A handler could find the id of a topic that is created just now: an id without a topic must not get that far.
      if (!resource) return code.unknownTopicId;
      return rights.may(operation, resource.kind, resource.name) ? code.none : refusalOf[resource.kind];
    });
    const allowed = elements.filter((_, i) => codes[i] === code.none);
    if (allowed.length === elements.length) return { request };
    const refused = elements.flatMap((element, i) => (codes[i] === code.none ? [] : [refuse(element, codes[i]!)]));
    const complete = (reply: Message): Message => ({ ...reply, [replies]: [...listIn(reply, replies), ...refused] });
    if (allowed.length === 0) return { reply: complete({}) };
    return { request: { ...request, [list]: allowed }, complete };
  };

/** The elements of the reply are filtered: what the principal may not know of is not there. */
export const hideIn =
  (replies: string, isVisible: (element: Message, rights: Rights) => boolean): Guard =>
  (request, { rights }) => ({
    request,
    complete: (reply) => ({ ...reply, [replies]: listIn(reply, replies).filter((one) => isVisible(one, rights)) }),
  });

/** One after the other: each sees what the one before has let pass. */
export const all =
  (...guards: readonly Guard[]): Guard =>
  async (request, asker) => {
    const completes: ((reply: Message) => Message)[] = [];
    const complete = (reply: Message): Message => completes.reduceRight((sum, next) => next(sum), reply);
    let allowed = request;
    for (const guard of guards) {
      const verdict = await guard(allowed, asker);
      if ('reply' in verdict) return { reply: complete(verdict.reply) };
      allowed = verdict.request;
      if (verdict.complete) completes.push(verdict.complete);
    }
    return { request: allowed, complete };
  };

/** Topics with partitions, as most requests have them. The names of the fields differ. */
export type TopicShape = {
  readonly list?: string;
  readonly replies?: string;
  readonly topic?: string;
  readonly partitions?: string;
  readonly partition?: string;
  readonly partitionReplies?: string;
  readonly partitionReply?: string;
  readonly error?: string;
  /** Fields of a partition's reply whose defaults would be taken for an answer. */
  readonly none?: Message;
};

/** The reply to a topic: each of its partitions has the code. */
const refuseTopic = (shape: TopicShape): Refuse => {
  const { topic = 'name', partitions = 'partitions', partition = 'partitionIndex', none } = shape;
  const { partitionReplies = 'partitions', partitionReply = 'partitionIndex', error = 'errorCode' } = shape;
  return (element, errorCode) => ({
    [topic]: element[topic],
    ...(element.topicId !== undefined && { topicId: element.topicId }),
    [partitionReplies]: listIn(element, partitions).map((one: Message | number) => ({
      ...none,
      [partitionReply]: typeof one === 'number' ? one : one[partition],
      [error]: errorCode,
    })),
  });
};

/** The reply to a request whose topics are all refused. */
export const refuseTopics = (shape: TopicShape): Refuse => {
  const { list = 'topics', replies = 'topics' } = shape;
  const refuse = refuseTopic(shape);
  return (request, errorCode) => ({ [replies]: listIn(request, list).map((element) => refuse(element, errorCode)) });
};

export const onTopics = (operation: Operation, shape: TopicShape = {}): Guard => {
  const { list = 'topics', replies = 'topics', topic = 'name' } = shape;
  return onEach({ operation, list, replies, refuse: refuseTopic(shape), resourceOf: topicNamed(topic) });
};

/** A topic is found by its name, or by its id where it has no name. */
export const topicNamed =
  (field: string) =>
  async (element: Message, { nameOf }: Asker): Promise<Resource | undefined> => {
    if (element[field]) return { kind: 'topic', name: textIn(element, field) };
    if (typeof element.topicId !== 'string' || element.topicId === noId) return { kind: 'topic', name: '' };
    const name = await nameOf(element.topicId);
    return name === undefined ? undefined : { kind: 'topic', name };
  };

/** 16 bytes of zero. */
const noId = 'A'.repeat(22);
