import type { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import type { IntrospectionOptions } from './introspection-options.js';
import { parseIntrospectionOptions } from './introspection-option-parser.js';
import { IntrospectionVerifier } from './introspection.verifier.js';

/**
 * Verifies the access tokens of an issuer by asking its introspection endpoint: opaque tokens, and JWTs whose revocation
 * must be known. Needs the package `oauth4webapi`.
 *
 * @throws TypeError that names the option and the accepted form
 * @example
 * ```ts
 * import { DpopModule } from 'nestjs-dpop';
 * import { introspection } from 'nestjs-dpop/introspection';
 *
 * DpopModule.forRoot({
 *   origin: 'https://api.example.com',
 *   accessToken: introspection({
 *     accessToken: { issuer: 'https://auth.example.com', audience: 'https://api.example.com' },
 *     client: { id: 'api', secret: process.env['INTROSPECTION_SECRET'] ?? '' },
 *   }),
 * });
 * ```
 * @see RFC 7662, RFC 9701
 */
export function introspection(options: IntrospectionOptions): AccessTokenVerifier {
  return new IntrospectionVerifier(parseIntrospectionOptions(options));
}
