import { describe, expect, test } from '@jest/globals';
import { HandClock } from '../../test/support/hand-clock.js';
import { systemClock } from '../runtime/clock.js';
import type { IntrospectionOptions } from './introspection-options.js';
import { type ParsedIntrospection, parseIntrospectionOptions } from './introspection-option-parser.js';

const ACCESS_TOKEN = { issuer: 'https://auth.test', audience: 'https://api.test' };
const GOOD: IntrospectionOptions = { accessToken: ACCESS_TOKEN, client: { id: 'api', secret: 'a secret' } };

const parse = (changes: object = {}): ParsedIntrospection =>
  parseIntrospectionOptions({ ...GOOD, ...changes });

function messageOf(parsing: () => unknown): string {
  try {
    parsing();
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return (error as TypeError).message;
  }
  return 'accepted';
}

describe('the options of introspection (I4)', () => {
  test('have defaults', () => {
    const { client, clock, ...parsed } = parse();
    expect(parsed).toEqual({
      accessToken: ACCESS_TOKEN,
      endpoint: undefined,
      signedResponses: false,
      verifySignature: false,
      opaqueTokens: true,
      absentAudience: 'refuse',
      cacheSeconds: 0,
      maxCachedTokens: 10_000,
      timeoutMs: 5000,
      insecureOptions: [],
    });
    expect(client.clientId).toBe('api');
    expect(clock).toBe(systemClock);
  });

  test('are used as they are given', () => {
    const given = {
      endpoint: 'https://auth.test/introspect',
      signedResponses: true,
      verifySignature: true,
      opaqueTokens: false,
      absentAudience: 'accept',
      cacheSeconds: 3600,
      maxCachedTokens: 10_000_000,
      timeoutMs: 60_000,
      clock: new HandClock().read,
    };
    expect(parse(given)).toMatchObject(given);
    const least = { opaqueTokens: true, cacheSeconds: 0, maxCachedTokens: 0, timeoutMs: 1 };
    expect(parse(least)).toMatchObject(least);
  });

  test('take no opaque tokens where signatures are verified', () => {
    expect(parse({ verifySignature: true }).opaqueTokens).toBe(false);
    expect(messageOf(() => parse({ verifySignature: true, opaqueTokens: true }))).toBe(
      'introspection.opaqueTokens must be left out with verifySignature: an opaque token has no signature',
    );
  });

  test.each<readonly [object, string]>([
    [{ allowInsecureHttp: 'yes' }, 'allowInsecureHttp must be true or false; it is "yes"'],
    [{ signedResponses: 'yes' }, 'signedResponses must be true or false; it is "yes"'],
    [{ verifySignature: null }, 'verifySignature must be true or false; it is null'],
    [{ opaqueTokens: 0 }, 'opaqueTokens must be true or false; it is 0'],
    [{ absentAudience: true }, 'absentAudience must be "refuse" or "accept"; it is true'],
    [{ cacheSeconds: 3601 }, 'cacheSeconds must be an integer from 0 to 3600; it is 3601'],
    [{ maxCachedTokens: -1 }, 'maxCachedTokens must be an integer from 0 to 10000000; it is -1'],
    [{ timeoutMs: 0 }, 'timeoutMs must be an integer from 1 to 60000; it is 0'],
    [{ clock: 42 }, 'clock must be a function that returns milliseconds since the epoch; it is 42'],
    [{ allowInsecureEndpoint: 1 }, 'allowInsecureEndpoint must be true or false; it is 1'],
  ])('are refused: %j', (changes, message) => {
    expect(messageOf(() => parse(changes))).toBe(`introspection.${message}`);
  });

  test('are an object with known names', () => {
    expect(messageOf(() => parseIntrospectionOptions('x' as never))).toBe(
      'introspection() must be given an object of options; it is a string',
    );
    expect(messageOf(() => parse({ cacheSecond: 1 }))).toBe(
      'introspection() has no option "cacheSecond"; known: accessToken, client, endpoint, allowInsecureEndpoint, allowInsecureHttp, signedResponses, verifySignature, opaqueTokens, absentAudience, cacheSeconds, maxCachedTokens, timeoutMs, clock',
    );
  });

  test('have those of the issuer and of the client', () => {
    expect(messageOf(() => parse({ accessToken: {} }))).toMatch(
      /^introspection\.accessToken\.issuer must be/,
    );
    expect(messageOf(() => parse({ client: { id: 'api' } }))).toMatch(/^introspection\.client must be/);
  });
});

describe('plain http (C5, I4)', () => {
  const issuer = { ...ACCESS_TOKEN, issuer: 'http://auth.test' };
  const endpoint = 'http://auth.test/introspect';

  test('is refused for the issuer and for the endpoint, on loopback not', () => {
    expect(messageOf(() => parse({ accessToken: issuer }))).toMatch(
      /^introspection\.accessToken\.issuer must be .*allowInsecureHttp: true/,
    );
    expect(messageOf(() => parse({ endpoint }))).toMatch(
      /^introspection\.endpoint must be the https URL of the introspection endpoint.*allowInsecureEndpoint: true/,
    );
    expect(parse({ endpoint: 'http://127.0.0.1/introspect' }).insecureOptions).toStrictEqual([]);
  });

  test('is accepted by options, which are named', () => {
    expect(parse({ accessToken: issuer, allowInsecureHttp: true, endpoint }).insecureOptions).toEqual([
      'allowInsecureHttp',
    ]);
    expect(parse({ allowInsecureEndpoint: true, endpoint }).insecureOptions).toEqual([
      'allowInsecureEndpoint',
    ]);
    const keys = { jwksUri: 'http://auth.test/jwks', allowInsecureJwksUri: true };
    expect(parse({ accessToken: { ...ACCESS_TOKEN, ...keys } }).insecureOptions).toEqual([
      'accessToken.allowInsecureJwksUri',
    ]);
    const closed = { allowInsecureHttp: false, allowInsecureEndpoint: false };
    expect(parse({ ...closed, endpoint: 'https://auth.test/i' }).insecureOptions).toStrictEqual([]);
  });

  test('is accepted for an endpoint that is given', () => {
    expect(messageOf(() => parse({ allowInsecureEndpoint: true }))).toBe(
      'introspection.allowInsecureEndpoint must be left out without endpoint, which it is about',
    );
    expect(messageOf(() => parse({ allowInsecureEndpoint: false }))).toBe('accepted');
    expect(messageOf(() => parse({ accessToken: issuer, allowInsecureEndpoint: true, endpoint }))).toMatch(
      /^introspection\.accessToken\.issuer/,
    );
  });
});
