import { TestClient, TestIssuer, type TestTokenOptions } from 'nestjs-dpop/testing';
import { JwtAccessTokenVerifier } from '../../lib/access-token/jwt-access-token.verifier.js';
import type { AccessTokenClaims } from '../../lib/claims/access-token-claims.js';
import { rightsOf } from '../../lib/claims/attached-rights.js';
import type { TokenRights } from '../../lib/claims/token-rights.js';
import { issuerOf, type ProviderName, providerOf } from './provider-shapes.js';

export const NOW_SECONDS = 1_893_456_000;
const clock = (): number => NOW_SECONDS * 1000;

/** Verifies tokens of exactly the shape of one provider, with these changes, signed by a key of its algorithm. */
export class ProviderTokens {
  private constructor(
    private readonly name: ProviderName,
    private readonly issuer: TestIssuer,
    private readonly client: TestClient,
  ) {}

  static async create(name: ProviderName): Promise<ProviderTokens> {
    return new ProviderTokens(name, await issuerOf(name, clock), await TestClient.create({ clock }));
  }

  /** The rights of the token, or the refusal. */
  async outcomeOf(
    changes: Pick<TestTokenOptions, 'claims' | 'header'> = {},
  ): Promise<{ readonly rights: TokenRights } | { readonly reason: string; readonly details: object }> {
    const { options, header, claims } = providerOf(this.name);
    const token = await this.issuer.issueToken({
      client: this.client,
      claims: { ...claims, ...changes.claims },
      header: { ...header, ...changes.header },
    });
    const verifier = new JwtAccessTokenVerifier({ ...options, keys: this.issuer.keys }, clock);
    return await verifier.verify(token).then(
      (verified: AccessTokenClaims) => ({ rights: rightsOf(verified) }),
      ({ reason, details }: { readonly reason: string; readonly details: object }) => ({ reason, details }),
    );
  }
}
