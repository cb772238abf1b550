import { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import type { IssuerVerifier } from '../access-token/trusted-issuers.verifier.js';
import { fail } from '../errors/option-asserts.js';
import { parseJwtAccessTokenOptions } from '../issuer/issuer-option-parser.js';
import {
  type IssuerResolution,
  isIssuerResolution,
  parseIssuerResolution,
} from '../issuer/issuer-resolution.js';
import type { JwtAccessTokenOptions } from '../issuer/jwt-access-token-options.js';
import type { DpopModuleOptions } from './dpop-options.js';

/** What takes the tokens of an issuer. */
type Taker = 'verifier' | 'options';

export interface ParsedIssuance {
  readonly issuers: readonly JwtAccessTokenOptions[];
  readonly resolution: IssuerResolution | undefined;
  readonly issuerVerifiers: readonly IssuerVerifier[];
  readonly fallbackVerifier: AccessTokenVerifier | undefined;
}

/**
 * Parses the option `accessToken`: which issuers and verifiers there are, each issuer once, and which of them takes the
 * tokens that name no listed issuer.
 *
 * @throws TypeError
 */
export function parseAccessToken(
  option: DpopModuleOptions['accessToken'],
  allowInsecureHttp: boolean,
): ParsedIssuance {
  const items: readonly unknown[] = Array.isArray(option) ? option : [option];
  if (items.length === 0)
    fail(
      'accessToken',
      'the options of an issuer, an AccessTokenVerifier, or an array of those; it is empty',
    );
  const fallbackVerifier = findFallback(items);
  const issuers: JwtAccessTokenOptions[] = [];
  const issuerVerifiers: IssuerVerifier[] = [];
  let resolution: IssuerResolution | undefined;
  const known = new Map<string, Taker>();
  for (const [index, item] of items.entries()) {
    const name = Array.isArray(option) ? `accessToken[${index}]` : 'accessToken';
    if (item instanceof AccessTokenVerifier) {
      if (!hasIssuer(item, name)) continue;
      issuerVerifiers.push(item);
      assertNew(item.issuer, 'verifier', known, name);
    } else if (isIssuerResolution(item)) {
      if (resolution !== undefined) fail('accessToken', 'an array with at most one resolveIssuer');
      resolution = parseIssuerResolution(item, name, allowInsecureHttp);
    } else {
      const options = parseJwtAccessTokenOptions(
        item,
        name,
        allowInsecureHttp,
        'an instance of a class that extends AccessTokenVerifier',
      );
      issuers.push(options);
      assertNew(options.issuer, 'options', known, name);
    }
  }
  return { issuers, resolution, issuerVerifiers, fallbackVerifier };
}

function findFallback(items: readonly unknown[]): AccessTokenVerifier | undefined {
  const takers = items
    .filter((item) => item instanceof AccessTokenVerifier)
    .filter(({ issuer, takesOpaqueTokens }) => issuer === undefined || takesOpaqueTokens === true);
  if (takers.length > 1) {
    fail(
      'accessToken',
      'an array with at most one AccessTokenVerifier that takes tokens which name no listed issuer; of several verifiers with introspection, set opaqueTokens: false for all but one',
    );
  }
  return takers[0];
}

function hasIssuer(verifier: AccessTokenVerifier, name: string): verifier is IssuerVerifier {
  const issuer: unknown = verifier.issuer;
  if (issuer === undefined) return false;
  if (typeof issuer === 'string' && issuer !== '') return true;
  return fail(`${name}.issuer`, 'the issuer exactly as in iss, or left out for a verifier of all tokens');
}

function assertNew(issuer: string, taker: Taker, known: Map<string, Taker>, name: string): void {
  const other = known.get(issuer);
  if (other !== undefined) {
    const wayOut =
      other === taker
        ? 'for several audiences, set audience to an array'
        : 'use introspection alone; it takes the JWTs of the issuer, too';
    fail('accessToken', `an array that lists each issuer once: ${name}.issuer repeats an issuer; ${wayOut}`, {
      value: issuer,
    });
  }
  known.set(issuer, taker);
}
