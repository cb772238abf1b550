import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { CompactSign, type CryptoKey, exportJWK, generateKeyPair, type JWK } from 'jose';
import { HandClock } from '../../test/support/hand-clock.js';
import { errorOf, toReply } from '../../test/support/introspection-replies.js';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { IssuerSignatures } from '../issuer/issuer-signatures.js';
import type { JwtAccessTokenOptions } from '../issuer/jwt-access-token-options.js';
import { type Fetch, OutboundError } from '../outbound/outbound-request.js';
import type { IntrospectionOptions } from './introspection-options.js';
import { parseIntrospectionOptions } from './introspection-option-parser.js';
import { ResponseReader } from './response-reader.js';

const ISSUER = 'https://auth.test';
const ACTIVE = { active: true, sub: 'user' };
const SIGNED_TYPE = 'application/token-introspection+jwt';
const NO_RESPONSE =
  'it answered with no introspection response: a JSON object in which active is true or false, or, if signed, a JWT of the type token-introspection+jwt with an accepted algorithm';
const OTHER_PARTY = 'its signed response has another iss, or is for another aud';
const NOT_JSON = 'it answered with something that is not JSON';
const NO_JWT = 'its signed response is no JWT';
const TIMES = 'its signed response has expired or is not valid yet';
const UNSUPPORTED =
  'its signed response is encrypted or has a critical extension: register the client for responses that are only signed';
const STRANGER = 'its response is not signed by a key of the issuer';

let clock: HandClock;
let key: CryptoKey;
let jwk: JWK;

beforeAll(async () => {
  const pair = await generateKeyPair('ES256');
  key = pair.privateKey;
  jwk = { ...(await exportJWK(pair.publicKey)), kid: 'one' };
});

beforeEach(() => {
  clock = new HandClock();
});

type Changes = Partial<IntrospectionOptions> & { readonly issuer?: Partial<JwtAccessTokenOptions> };

function createReader({ issuer, ...changes }: Changes = {}): ResponseReader {
  const options = parseIntrospectionOptions({
    accessToken: { issuer: ISSUER, audience: ['one api', 'other api'], keys: { keys: [jwk] }, ...issuer },
    client: { id: 'api', secret: 'x' },
    clock: clock.read,
    ...changes,
  });
  return new ResponseReader(options, new IssuerSignatures(options.accessToken, clock.read));
}

const nowSeconds = (): number => clock.ms / 1000;

type Signing = { readonly claims?: object; readonly header?: object; readonly signer?: CryptoKey };

const claimsOf = (changes: object = {}): string =>
  JSON.stringify({ iss: ISSUER, aud: 'api', iat: nowSeconds(), token_introspection: ACTIVE, ...changes });

function signBytes(payload: Uint8Array, header: object = {}, signer = key): Promise<string> {
  return new CompactSign(payload)
    .setProtectedHeader({ alg: 'ES256', kid: 'one', typ: 'token-introspection+jwt', ...header })
    .sign(signer);
}

const sign = ({ claims, header, signer }: Signing = {}): Promise<string> =>
  signBytes(new TextEncoder().encode(claimsOf(claims)), header, signer);

const readSigned = (body: string, changes: Changes = {}, mediaType = SIGNED_TYPE) =>
  createReader({ signedResponses: true, ...changes }).read(toReply(body, mediaType));

describe('a signed response (B7)', () => {
  test('is the members of its claim token_introspection', async () => {
    expect(await readSigned(await sign())).toEqual(ACTIVE);
    expect(await readSigned(await sign({ claims: { token_introspection: { active: false } } }))).toEqual({
      active: false,
    });
  });

  test.each([['one api'], ['other api'], [['x', 'other api']], [['api', 'x']]])(
    'is for the client or for one of the audiences: %j',
    async (aud) => {
      expect(await readSigned(await sign({ claims: { aud } }))).toEqual(ACTIVE);
    },
  );

  const untrusted: readonly (readonly [string, string, () => Signing | Promise<Signing>])[] = [
    ['for another aud', OTHER_PARTY, () => ({ claims: { aud: 'another api' } })],
    ['without aud', NO_RESPONSE, () => ({ claims: { aud: undefined } })],
    ['of another iss', OTHER_PARTY, () => ({ claims: { iss: 'https://other.test' } })],
    ['without iat', NO_RESPONSE, () => ({ claims: { iat: undefined } })],
    ['of another type', NO_RESPONSE, () => ({ header: { typ: 'at+jwt' } })],
    ['without its claim', NO_RESPONSE, () => ({ claims: { token_introspection: undefined } })],
    ['that has expired', TIMES, () => ({ claims: { exp: nowSeconds() - 10 } })],
    ['that is not valid yet', TIMES, () => ({ claims: { nbf: nowSeconds() + 11 } })],
    ['with a critical extension', UNSUPPORTED, () => ({ header: { crit: ['b64'], b64: true } })],
    ['of an unknown kid', STRANGER, () => ({ header: { kid: 'two' } })],
    ['signed by a stranger', STRANGER, async () => ({ signer: (await generateKeyPair('ES256')).privateKey })],
  ];

  test.each(untrusted)('%s is not trusted', async (_what, message, signing) => {
    expect(await errorOf(readSigned(await sign(await signing())))).toEqual(new OutboundError(message));
  });

  test('of a stranger has the refusal as its cause', async () => {
    const { cause } = await errorOf(readSigned(await sign({ header: { kid: 'two' } })));
    expect(cause).toMatchObject({ name: 'DpopError', details: { detail: 'kid' } });
  });

  test('is accepted within the tolerance', async () => {
    for (const [tolerance, issuer] of [
      [10, {}],
      [20, { clockToleranceSeconds: 20 }],
    ] as const) {
      const claims = { exp: nowSeconds() - tolerance + 1, nbf: nowSeconds() + tolerance };
      expect(await readSigned(await sign({ claims }), { issuer })).toEqual(ACTIVE);
    }
  });

  test('has one of the accepted algorithms', async () => {
    const jws = await sign();
    expect(await readSigned(jws, { issuer: { algorithms: ['ES256'] } })).toEqual(ACTIVE);
    expect(await errorOf(readSigned(jws, { issuer: { algorithms: ['PS256'] } }))).toEqual(
      new OutboundError(NO_RESPONSE),
    );
  });

  test('is required by option only, and has its own type', async () => {
    const plain = readSigned(JSON.stringify(ACTIVE), { signedResponses: false }, 'application/json');
    expect(await plain).toEqual(ACTIVE);
    expect(await errorOf(readSigned(await sign(), {}, 'application/json'))).toEqual(
      new OutboundError(
        'its response is not signed, although signedResponses is set: register the client for signed responses at the issuer; Content-Type must be application/token-introspection+jwt',
      ),
    );
  });
});

describe('the age of a signed response (B7)', () => {
  const ageMessage = (seconds: number) =>
    `its signed response was not issued just now: iat differs from the clock of this service by ${seconds} s; compare the clocks`;

  test.each([
    [-10, -11, 10],
    [70, 71, 10],
    [-30, -31, 30],
    [90, 91, 30],
    [60, 61, 0],
    [0, -1, 0],
  ])('may be %i s, not %i s, with a tolerance of %i s', async (good, bad, clockToleranceSeconds) => {
    const issuer = clockToleranceSeconds === 10 ? {} : { clockToleranceSeconds };
    const readAged = async (age: number) =>
      readSigned(await sign({ claims: { iat: nowSeconds() - age } }), { issuer });
    expect(await readAged(good)).toEqual(ACTIVE);
    expect(await errorOf(readAged(bad))).toEqual(new OutboundError(ageMessage(Math.abs(bad))));
  });

  test('is told in whole seconds', async () => {
    const jws = await sign({ claims: { iat: nowSeconds() - 100.4 } });
    expect(await errorOf(readSigned(jws))).toEqual(new OutboundError(ageMessage(100)));
  });
});

describe('what is no signed response (B7)', () => {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const encodeClaims = () => Buffer.from(claimsOf()).toString('base64url');
  const header = { alg: 'ES256', kid: 'one', typ: 'token-introspection+jwt' };
  /** A byte that UTF-8 does not have stands for the tilde. */
  const malform = (text: string) => Buffer.from(text.replace('~', '\xff'), 'latin1');
  const malformedHeader = () => malform(JSON.stringify({ ...header, x: '~' })).toString('base64url');

  test.each<readonly [string, string, () => string | Promise<string>]>([
    ['an empty body', NO_RESPONSE, () => ''],
    ['plain JSON', NO_RESPONSE, () => JSON.stringify(ACTIVE)],
    ['a header that is not JSON', NOT_JSON, () => 'AAAA.AAAA.AAAA'],
    ['an encrypted one', UNSUPPORTED, () => 'a.b.c.d.e'],
    ['alg none', NO_RESPONSE, () => `${encode({ ...header, alg: 'none' })}.${encode(ACTIVE)}.AAAA`],
    ['a signature that is not base64url', NO_JWT, () => `${encode(header)}.${encodeClaims()}.A*AA`],
    ['no signature', NO_JWT, () => `${encode(header)}.${encodeClaims()}.`],
    ['a header that is not UTF-8', NO_JWT, () => `${malformedHeader()}.${encodeClaims()}.AAAA`],
    ['signed claims that are not UTF-8', NO_JWT, () => signBytes(malform(claimsOf({ x: '~' })))],
  ])('%s', async (_what, message, body) => {
    expect(await errorOf(readSigned(await body()))).toEqual(new OutboundError(message));
  });
});

describe('the keys for signed responses (B8)', () => {
  /** Reads with keys that are fetched. */
  function fetching(fetcher: Fetch) {
    const accessToken = { issuer: ISSUER, audience: 'api', jwksUri: `${ISSUER}/jwks`, fetch: fetcher };
    const reader = createReader({ signedResponses: true, accessToken });
    return (body: string) => reader.read(toReply(body, SIGNED_TYPE));
  }

  test('may be unknown, which is no fault of the response', async () => {
    const read = fetching(() => Promise.reject(new Error('down')));
    expect(await errorOf(read(await sign()))).toBeInstanceOf(DpopUnavailableError);
  });

  test('are asked for one that may be newer than they are', async () => {
    let kid = 'old';
    const readFetching = fetching(() => Promise.resolve(Response.json({ keys: [{ ...jwk, kid }] })));
    const read = async (claims: object) => readFetching(await sign({ claims }));
    expect((await errorOf(read({}))).message).toBe(STRANGER);
    kid = 'one';
    clock.advanceSeconds(5);
    // The iat says whether a key can be newer than those at hand.
    expect((await errorOf(read({ iat: nowSeconds() - 6 }))).message).toBe(STRANGER);
    expect(await errorOf(read({}))).toBeInstanceOf(DpopUnavailableError);
    clock.advanceSeconds(30);
    expect(await read({})).toEqual(ACTIVE);
  });
});
