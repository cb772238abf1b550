import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { RFC8414 } from '../../test/support/bare-issuer.js';
import { HandClock } from '../../test/support/hand-clock.js';
import { CLIENT, IntrospectedIssuer } from '../../test/support/introspected-issuer.js';
import type { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import type { JwtAccessTokenOptions } from '../issuer/jwt-access-token-options.js';
import { OutboundError } from '../outbound/outbound-request.js';
import { introspection } from './introspection.js';
import type { IntrospectionOptions } from './introspection-options.js';

const REQUEST = { method: 'GET', target: '/', rawHeaders: [] };

let clock: HandClock;
let issuer: IntrospectedIssuer;

beforeEach(async () => {
  clock = new HandClock();
  issuer = await IntrospectedIssuer.listen(clock, 'key');
});

afterEach(() => issuer.close());

type Changes = Partial<IntrospectionOptions> & { readonly token?: Partial<JwtAccessTokenOptions> };

/** The verifier under test, with the request left out. */
function create({ token = {}, ...changes }: Changes = {}) {
  const verifier: AccessTokenVerifier = introspection({
    accessToken: { ...issuer.accessToken, ...token },
    client: CLIENT,
    clock: clock.read,
    ...changes,
  });
  const verify = async (presented: string): Promise<AccessTokenClaims> =>
    verifier.verify(presented, presented, REQUEST);
  return { verifier, verify };
}

type Failure = Error & Partial<Pick<DpopUnavailableError, 'advice' | 'retryAfterSeconds'>>;

async function failureOf(verifying: Promise<unknown>): Promise<Failure> {
  const error = await verifying.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(Error);
  return error as Failure;
}

async function warningsOf(verifier: AccessTokenVerifier): Promise<string[]> {
  const warnings: string[] = [];
  await verifier.open?.((text) => void warnings.push(text));
  return warnings;
}

const adviceFor = (problem: string) =>
  `the introspection endpoint of the issuer ${issuer.issuer} cannot be used: ${problem}`;
const location = () => `${issuer.issuer}/introspect`;

describe('a verifier that asks the issuer (B7)', () => {
  test('says which tokens it takes, and by what rules', () => {
    const { verifier } = create();
    expect(verifier).toMatchObject({ issuer: issuer.issuer, takesOpaqueTokens: true });
    expect(verifier.accepts).toEqual({ clockToleranceSeconds: 10, insecureOptions: [] });
    expect(Object.isFrozen(verifier.accepts)).toBe(true);
    const token = { algorithms: ['ES256'], clockToleranceSeconds: 20 };
    for (const signed of [{ verifySignature: true }, { signedResponses: true }])
      expect(create({ ...signed, token, allowInsecureHttp: true }).verifier.accepts).toEqual({
        algorithms: ['ES256'],
        clockToleranceSeconds: 20,
        insecureOptions: ['allowInsecureHttp'],
      });
    expect(create({ verifySignature: true }).verifier.accepts?.algorithms).toContain('RS256');
    expect(create({ verifySignature: true }).verifier.takesOpaqueTokens).toBe(false);
  });

  test('gives the claims of an active token, frozen and with its rights', async () => {
    const claims = await create().verify('opaque');
    expect(claims).toMatchObject({ iss: issuer.issuer, sub: 'user', cnf: { jkt: 'key' } });
    expect(Object.isFrozen(claims) && Object.isFrozen(claims.cnf)).toBe(true);
    const seen: unknown[] = [];
    const readRights = ({ sub }: AccessTokenClaims) => {
      seen.push(sub);
      return { scopes: [], roles: [], clientRoles: {}, permissions: [], clientId: undefined };
    };
    await create({ token: { readRights } }).verify('opaque');
    expect(seen).toEqual(['user']);
  });

  test('refuses a token that is not active', async () => {
    issuer.response = { active: false };
    const error = await failureOf(create().verify('opaque'));
    expect(error).toBeInstanceOf(DpopError);
    expect(error).toMatchObject({ reason: 'token_inactive' });
  });

  test('accepts an absent audience by option', async () => {
    issuer.response = { ...issuer.active, aud: undefined };
    expect(await create({ absentAudience: 'accept' }).verify('opaque')).toMatchObject({ sub: 'user' });
    expect(await failureOf(create().verify('opaque'))).toMatchObject({ reason: 'token_audience' });
  });

  test('reads the clock in milliseconds, and the times of the token in seconds', async () => {
    issuer.response = { ...issuer.active, exp: clock.ms / 1000 - 9 };
    expect(await create().verify('opaque')).toMatchObject({ sub: 'user' });
    issuer.response = { ...issuer.active, exp: clock.ms / 1000 - 10 };
    expect(await failureOf(create().verify('opaque'))).toMatchObject({ reason: 'token_expired' });
  });

  test('asks once about a token that several requests present at once', async () => {
    const { verify } = create();
    const [one, two, other] = await Promise.all([verify('a'), verify('a'), verify('b')]);
    expect(one).toBe(two);
    expect(other).not.toBe(one);
    expect(issuer.count).toBe(2);
    await verify('a');
    expect(issuer.count).toBe(3);
  });

  test('advises as the issuer does, if that advises', () => {
    const seen: unknown[] = [];
    const advise = (...parameters: readonly unknown[]): string => {
      seen.push(...parameters);
      return 'a sentence of the app';
    };
    const { verifier } = create({ token: { advise } });
    expect(verifier.advise?.('a.b', 'token_inactive', REQUEST)).toBe('a sentence of the app');
    expect(seen).toEqual([
      { reason: 'token_inactive', segments: 2, header: undefined, claims: undefined },
      issuer.issuer,
    ]);
    expect(create().verifier.advise?.('a.b', 'token_inactive', REQUEST)).toBeUndefined();
  });
});

describe('an issuer that cannot be asked (B8)', () => {
  test('is told to the operator, and the client may retry after a second', async () => {
    issuer.introspect = (response) => issuer.sendJson(response, {}, 500);
    const { verify } = create();
    const error = await failureOf(verify('opaque'));
    expect(error).toBeInstanceOf(DpopUnavailableError);
    expect(error).toMatchObject({
      reason: 'issuer_unavailable',
      advice: adviceFor(`${location()}: status 500`),
      retryAfterSeconds: 1,
    });
    expect(error.cause).toEqual(new OutboundError(`${location()}: status 500`));
    const paused = await failureOf(verify('other'));
    expect(paused.advice).toBe(
      adviceFor(`the last request failed less than 1 s ago: ${location()}: status 500`),
    );
    expect(issuer.count).toBe(1);
  });

  test('is asked again about a token after it has failed', async () => {
    const { verify } = create();
    issuer.introspect = (response) => issuer.sendJson(response, 'no JSON');
    await Promise.all([failureOf(verify('a')), failureOf(verify('a'))]);
    issuer.introspect = (response) => issuer.sendJson(response, issuer.active);
    expect(await verify('a')).toMatchObject({ sub: 'user' });
    expect(issuer.count).toBe(2);
  });

  test('is told if its response cannot be trusted', async () => {
    issuer.introspect = (response) => issuer.sendJson(response, 'no JSON');
    const { advice, cause } = await failureOf(create().verify('opaque'));
    const problem = 'it answered with something that is not JSON';
    expect(advice).toBe(adviceFor(`${location()}: ${problem}`));
    expect((cause as Error).cause).toEqual(new OutboundError(problem));
  });

  test('is told at start', async () => {
    expect(await warningsOf(create().verifier)).toStrictEqual([]);
    // It needs no keys.
    expect(issuer.bare.asked).toEqual([RFC8414]);
    issuer.bare.documents.set(RFC8414, issuer.bare.metadata);
    const [warning, ...others] = await warningsOf(create().verifier);
    expect(warning).toContain(adviceFor('no usable metadata'));
    expect(warning).toMatch(/; meanwhile, the service answers 503 to requests with tokens of the issuer$/);
    expect(others).toStrictEqual([]);
  });

  test('is told at start without the words of an error of others', async () => {
    // The response of another library than Node's own: its body has no cancel.
    const fetch = () => Promise.resolve({ status: 500, body: Readable.from([]) } as unknown as Response);
    const [warning] = await warningsOf(create({ token: { fetch } }).verifier);
    expect(warning).toContain(`${adviceFor('the request failed')};`);
  });
});

describe('a verifier that is closed (B8)', () => {
  test('asks no more, and says nothing of its start', async () => {
    const { verifier, verify } = create();
    await verifier.close?.();
    expect(await warningsOf(verifier)).toStrictEqual([]);
    expect((await failureOf(verify('opaque'))).advice).toContain('the service shuts down');
    expect(issuer.bare.asked).toStrictEqual([]);
  });

  test('fetches no keys', async () => {
    const { verifier, verify } = create({ verifySignature: true, endpoint: location() });
    await verifier.close?.();
    expect((await failureOf(verify(await issuer.signToken()))).advice).toContain('the service shuts down');
    expect(issuer.bare.asked).toStrictEqual([]);
  });
});
