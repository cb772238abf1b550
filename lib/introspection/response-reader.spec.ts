import { describe, expect, test } from '@jest/globals';
import { errorOf, toReply } from '../../test/support/introspection-replies.js';
import { DpopError } from '../errors/dpop.error.js';
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

describe('a request that the endpoint refuses (B7, B8)', () => {
  const refusal = (body: string) => errorOf(createReader().read(toReply(body, 'application/json', 400)));

  test.each(['invalid_client', 'invalid_request', 'unauthorized_client', 'access_denied'])(
    'for %s is a failure that names it',
    async (error) => {
      expect(await refusal(JSON.stringify({ error }))).toEqual(
        new OutboundError(`it refused the request (status 400, ${error})`),
      );
    },
  );

  test.each([
    '{"error":"FORGED"}',
    '{"error":["invalid_client"]}',
    '"invalid_client"',
    'null',
    'no JSON',
    '',
  ])('with %j is a failure without a name', async (body) => {
    expect(await refusal(body)).toEqual(new OutboundError('it refused the request (status 400)'));
  });

  test('as unsupported_token_type refuses the token', async () => {
    const error = await refusal('{"error":"unsupported_token_type"}');
    expect(error).toBeInstanceOf(DpopError);
    expect(error).toMatchObject({
      reason: 'token_invalid',
      details: {
        advice:
          'the introspection endpoint does not introspect tokens of this form (unsupported_token_type); if it is a JWT of this issuer, verify it by signature instead',
      },
    });
  });
});
