import { type CanActivate, type ExecutionContext, Injectable, UnauthorizedException } from '@nestjs/common';
import { errors, jwtVerify, type JWTVerifyGetKey } from 'jose';

export interface PlainRequest {
  readonly headers: { readonly authorization?: string };
  user?: string;
}

/** What most APIs do today: they accept the token from anyone. */
@Injectable()
export class PlainGuard implements CanActivate {
  constructor(
    private readonly issuer: string,
    private readonly keys: JWTVerifyGetKey,
    private readonly audience: string,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<PlainRequest>();
    const [, token = ''] = /^(?:Bearer|DPoP) (.+)$/i.exec(request.headers.authorization ?? '') ?? [];
    try {
      const { issuer, keys, audience } = this;
      const { payload } = await jwtVerify(token, keys, { issuer, audience });
      request.user = String(payload.sub);
      return true;
    } catch (error) {
      const isExpired = error instanceof errors.JWTExpired;
      throw new UnauthorizedException(isExpired ? 'The access token has expired' : 'Invalid token');
    }
  }
}
