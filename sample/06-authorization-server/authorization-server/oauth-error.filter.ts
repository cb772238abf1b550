import { type ArgumentsHost, Catch } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import type { Response } from 'express';
import { OAuthError } from './oauth.error.js';

/** RFC 6749 §5.2: errors are not stored either, and a client that failed to authenticate is told the scheme. */
@Catch(OAuthError)
export class OAuthErrorFilter extends BaseExceptionFilter<OAuthError> {
  override catch(error: OAuthError, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<Response>();
    response.setHeader('Cache-Control', 'no-store');
    if (error.code === 'invalid_client') response.setHeader('WWW-Authenticate', 'Basic realm="clients"');
    super.catch(error, host);
  }
}
