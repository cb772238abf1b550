import { HttpException } from '@nestjs/common';

export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'invalid_scope'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'unsupported_response_type';

/** A refusal with the JSON of RFC 6749 §5.2. The description is a fixed text: it never repeats what a client sent. */
export class OAuthError extends HttpException {
  constructor(
    readonly code: OAuthErrorCode,
    readonly description: string,
  ) {
    super({ error: code, error_description: description }, code === 'invalid_client' ? 401 : 400);
  }
}
