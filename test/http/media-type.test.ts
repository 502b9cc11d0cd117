import { describe, expect, it } from 'vitest';
import { acceptedType, JSON_TYPE, sentType } from '../../http/media-type.ts';
import { BATCHES_MEDIA_TYPE } from '../../lib/record/frames.ts';

const BOTH = [JSON_TYPE, BATCHES_MEDIA_TYPE];

describe('acceptedType', () => {
  it.each([
    [undefined, JSON_TYPE],
    ['*/*', JSON_TYPE],
    ['application/*', JSON_TYPE],
    [BATCHES_MEDIA_TYPE, BATCHES_MEDIA_TYPE],
    [BATCHES_MEDIA_TYPE.toUpperCase(), BATCHES_MEDIA_TYPE],
    [`${BATCHES_MEDIA_TYPE}, */*`, BATCHES_MEDIA_TYPE],
    [`application/json;q=0.5, ${BATCHES_MEDIA_TYPE}`, BATCHES_MEDIA_TYPE],
    [`${BATCHES_MEDIA_TYPE};q=0.5, application/json`, JSON_TYPE],
    ['application/json;q=0, */*', BATCHES_MEDIA_TYPE],
    ['text/html, application/json;q=0.1', JSON_TYPE],
  ])('%s', (accept, type) => {
    expect(acceptedType(accept, BOTH)).toBe(type);
  });

  it.each(['text/html', 'application/json;q=0', '', 'application/problem+json'])('refuses %s', (accept) => {
    expect(() => acceptedType(accept, [JSON_TYPE])).toThrow(
      /header.accept: expected it to allow application\/json, got/,
    );
  });
});

describe('sentType', () => {
  it.each([
    'application/json',
    'Application/JSON',
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
    'application/json;',
  ])('knows %s', (sent) => {
    expect(sentType(sent, BOTH)).toBe(JSON_TYPE);
  });

  it.each([
    undefined,
    '',
    'text/plain',
    'application/json; charset=latin1',
    'application/json,application/json',
    'application/jsonp',
  ])('refuses %s', (sent) => {
    expect(() => sentType(sent, BOTH)).toThrow(/header.content-type: expected application\/json or .*, got/);
  });
});
