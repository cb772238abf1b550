import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { Response } from 'express';
import { OAuthError } from './oauth.error.js';

/** RFC 6749 §5.2: errors are not stored either, and a client that failed to authenticate is told the scheme. */
@Catch(OAuthError)
export class OAuthErrorFilter implements ExceptionFilter<OAuthError> {
  catch(error: OAuthError, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<Response>();
    response.setHeader('Cache-Control', 'no-store');
    if (error.code === 'invalid_client') response.setHeader('WWW-Authenticate', 'Basic realm="clients"');
    // Not the type of the page that the route would have shown.
    response.setHeader('Content-Type', 'application/json; charset=utf-8');
    response.status(error.getStatus()).json(error.getResponse());
  }
}
