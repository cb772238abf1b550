import {
  ConflictException,
  Controller,
  HttpCode,
  Post,
  Res,
  ServiceUnavailableException,
  UseGuards,
} from '@nestjs/common';
import { type AccessTokenClaims, DenyList, DpopBound, DpopGuard, type RevocationEntry } from 'nestjs-dpop';

/** Of Express and of Fastify. */
interface Response {
  header(name: string, value: string): unknown;
}

@Controller('logout')
@UseGuards(DpopGuard)
export class LogoutController {
  constructor(private readonly denyList: DenyList) {}

  @Post()
  @HttpCode(204)
  async logout(
    @DpopBound('claims') claims: AccessTokenClaims,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    const entry = entryFor(claims);
    if (entry === undefined) throw new ConflictException();
    try {
      await this.denyList.revoke(entry);
    } catch {
      response.header('Retry-After', '1');
      throw new ServiceUnavailableException();
    }
  }
}

function entryFor({ iss: issuer = '', sid, sub, jti }: AccessTokenClaims): RevocationEntry | undefined {
  if (typeof sid === 'string') return { issuer, sid }; // this session
  if (typeof sub === 'string') return { issuer, sub }; // all sessions of the user
  if (typeof jti === 'string') return { issuer, jti }; // this token
  return undefined;
}
