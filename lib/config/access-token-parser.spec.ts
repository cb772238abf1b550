import { describe, expect, test } from '@jest/globals';
import { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import { type ParsedIssuance, parseAccessToken } from './access-token-parser.js';

class Verifier extends AccessTokenVerifier {
  override verify(): AccessTokenClaims {
    return {};
  }
}

/** Verifiers come from untyped code, too. */
function verifierOf(issuer?: unknown, takesOpaqueTokens?: boolean): AccessTokenVerifier {
  return Object.assign(new Verifier() as object, { issuer, takesOpaqueTokens }) as AccessTokenVerifier;
}

const A = { issuer: 'https://a.test', audience: 'api' };
const B = { issuer: 'https://b.test', audience: 'api' };
const resolving = { resolveIssuer: () => undefined };
const parse = (option: unknown): ParsedIssuance => parseAccessToken(option as never, false);

describe('the option accessToken (B6, I4)', () => {
  test('is one issuer, or several in their order', () => {
    const none = { resolution: undefined, issuerVerifiers: [], fallbackVerifier: undefined };
    expect(parse(A)).toMatchObject({ issuers: [A], ...none });
    expect(parse([A, B])).toMatchObject({ issuers: [A, B], ...none });
  });

  test('is a verifier, which takes the tokens of its issuer, those that name none, or both', () => {
    const all = verifierOf();
    expect(parse(all)).toMatchObject({ issuers: [], issuerVerifiers: [], fallbackVerifier: all });
    const [own, both] = [verifierOf('https://c.test'), verifierOf('https://d.test', true)];
    const { issuerVerifiers, fallbackVerifier } = parse([own, A, both]);
    expect(issuerVerifiers).toEqual([own, both]);
    expect(fallbackVerifier).toBe(both);
    expect(parse([own, all]).fallbackVerifier).toBe(all);
    expect(parse(verifierOf('https://c.test', false)).fallbackVerifier).toBeUndefined();
  });

  test('is issuers that are resolved at run time, beside others (B10)', () => {
    expect(parse(resolving).resolution).toMatchObject({ ...resolving, maxIssuers: 1000 });
    expect(parse([A, resolving])).toMatchObject({ issuers: [A], resolution: resolving });
  });

  const ONE_FALLBACK =
    'accessToken must be an array with at most one AccessTokenVerifier that takes tokens which name no listed issuer; of several verifiers with introspection, set opaqueTokens: false for all but one';
  const ONCE = 'accessToken must be an array that lists each issuer once:';
  const AUDIENCES = 'for several audiences, set audience to an array';
  const ISSUER = 'the issuer exactly as in iss, or left out for a verifier of all tokens';

  test.each<[string, unknown, string]>([
    [
      'nothing',
      [],
      'accessToken must be the options of an issuer, an AccessTokenVerifier, or an array of those; it is empty',
    ],
    ['two verifiers of all tokens', [verifierOf(), verifierOf()], ONE_FALLBACK],
    ['two verifiers of opaque tokens', [verifierOf('https://c.test', true), verifierOf()], ONE_FALLBACK],
    [
      'an issuer twice',
      [A, A],
      `${ONCE} accessToken[1].issuer repeats an issuer; ${AUDIENCES}; it is "https://a.test"`,
    ],
    [
      'a verifier twice',
      [verifierOf(A.issuer), verifierOf(A.issuer)],
      `${ONCE} accessToken[1].issuer repeats an issuer; ${AUDIENCES}; it is "https://a.test"`,
    ],
    [
      'an issuer and its verifier',
      [A, verifierOf(A.issuer)],
      `${ONCE} accessToken[1].issuer repeats an issuer; use introspection alone; it takes the JWTs of the issuer, too; it is "https://a.test"`,
    ],
    ['an empty issuer of a verifier', verifierOf(''), `accessToken.issuer must be ${ISSUER}`],
    ['an issuer that is no text', [verifierOf(7)], `accessToken[0].issuer must be ${ISSUER}`],
    ['two resolvers', [resolving, resolving], 'accessToken must be an array with at most one resolveIssuer'],
  ])('is not %s', (_what, option, message) => {
    expect(() => parse(option)).toThrow(new TypeError(message));
  });

  test('names what is wrong where it stands, and what else it may be', () => {
    expect(() => parse(5)).toThrow(
      /^accessToken must be .*an instance of a class that extends AccessTokenVerifier; it is 5$/,
    );
    expect(() => parse([A, 5])).toThrow(/^accessToken\[1\] must be /);
    expect(() => parse([A, { ...resolving, maxIssuers: 0 }])).toThrow(
      /^accessToken\[1\]\.maxIssuers must be /,
    );
    expect(() => parse({ issuer: 'http://keycloak:8080', audience: 'api' })).toThrow(/^accessToken\.issuer/);
    const plain = { issuer: 'http://keycloak:8080', audience: 'api' };
    expect(parseAccessToken(plain, true).issuers).toMatchObject([plain]);
  });
});
