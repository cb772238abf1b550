import { describe, expect, test } from '@jest/globals';
import { errorOf, toReply } from '../../test/support/introspection-replies.js';
import { IssuerSignatures } from '../issuer/issuer-signatures.js';
import { OutboundError } from '../outbound/outbound-request.js';
import type { IntrospectionOptions } from './introspection-options.js';
import { parseIntrospectionOptions } from './introspection-option-parser.js';
import { ResponseReader } from './response-reader.js';

const NO_RESPONSE =
  'it answered with no introspection response: a JSON object in which active is true or false, or, if signed, a JWT of the type token-introspection+jwt with an accepted algorithm';
const NOT_JSON = 'it answered with something that is not JSON';

function createReader(changes: Partial<IntrospectionOptions> = {}): ResponseReader {
  const options = parseIntrospectionOptions({
    accessToken: { issuer: 'https://auth.test', audience: 'https://api.test' },
    client: { id: 'api', secret: 'x' },
    ...changes,
  });
  return new ResponseReader(options, new IssuerSignatures(options.accessToken, options.clock));
}

describe('a plain response (B7)', () => {
  const read = (body: string, mediaType = 'application/json') =>
    createReader().read(toReply(body, mediaType));

  test('is the members of its JSON object', async () => {
    expect(await read('{"active":true,"sub":"user"}')).toEqual({ active: true, sub: 'user' });
    expect(await read('{"active":false}')).toEqual({ active: false });
  });

  test.each([
    ['', NOT_JSON],
    ['active=true', NOT_JSON],
    ['null', NO_RESPONSE],
    ['[{"active":true}]', NO_RESPONSE],
    ['{}', NO_RESPONSE],
    ['{"active":"true"}', NO_RESPONSE],
  ])('is not %j', async (body, message) => {
    const error = await errorOf(read(body));
    expect(error).toEqual(new OutboundError(message));
    expect(error.cause).toMatchObject({ code: expect.stringMatching(/^OAUTH_/) as unknown });
  });

  test.each(['text/html', '', 'application/token-introspection+jwt'])(
    'has another type than %j',
    async (mediaType) => {
      expect(await errorOf(read('{"active":true}', mediaType))).toEqual(
        new OutboundError('the Content-Type of its response is not application/json'),
      );
    },
  );

  test('that cannot be read for another reason is told without the words of the error', async () => {
    const failure = new Error('quoted');
    const failing = () => {
      throw failure;
    };
    const error = await errorOf(
      createReader({ clock: failing }).read(toReply('{"active":true}', 'application/json')),
    );
    expect(error).toEqual(new OutboundError('its response cannot be processed'));
    expect(error.cause).toBe(failure);
  });
});

describe('a reply with the status 400 (B7, B8)', () => {
  test('is a refusal, whatever its type', async () => {
    for (const mediaType of ['application/json', 'text/html'])
      expect(
        await errorOf(createReader().read(toReply('{"error":"access_denied"}', mediaType, 400))),
      ).toEqual(new OutboundError('it refused the request (status 400, access_denied)'));
  });
});
