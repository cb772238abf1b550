import { type AccessTokenClaims, AccessTokenVerifier } from 'nestjs-dpop';

/** Tokens without a form, looked up in a table. */
export class OpaqueTokens extends AccessTokenVerifier {
  constructor(private readonly answer: (token: string, ath: string) => unknown) {
    super();
  }

  override verify(presented: string, ath: string): Promise<AccessTokenClaims> {
    return this.answer(presented, ath) as Promise<AccessTokenClaims>;
  }
}
