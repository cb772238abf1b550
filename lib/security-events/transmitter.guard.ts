import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { timingSafeEqual } from 'node:crypto';
import { digestOf, RECEIVER_CONFIG, type ReceiverConfig } from './receiver-config.js';
import { SecurityEventError } from './security-event.error.js';
import { SecurityEventReceiver } from './security-event.receiver.js';

/** The headers of a request, as Node and Fastify have them. */
export interface RequestHeaders {
  readonly headers: { readonly authorization?: string | undefined };
}

/** Refuses a request whose `Authorization` is not one of the configured values, if there are any. */
@Injectable()
export class TransmitterGuard implements CanActivate {
  constructor(
    @Inject(RECEIVER_CONFIG) private readonly config: ReceiverConfig,
    @Inject(SecurityEventReceiver) private readonly receiver: SecurityEventReceiver,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    if (isAuthorized(context.switchToHttp().getRequest<RequestHeaders>(), this.config)) return true;
    throw this.receiver.refuse(new SecurityEventError('authorization'));
  }
}

/** Whether the `Authorization` of a request is one of the configured values, or none are configured. */
export function isAuthorized(
  { headers }: RequestHeaders,
  { authorizations }: Pick<ReceiverConfig, 'authorizations'>,
): boolean {
  if (authorizations.length === 0) return true;
  const given = digestOf(headers.authorization ?? '');
  // All are compared, so that the time does not tell which one is close.
  return authorizations.map((expected) => timingSafeEqual(given, expected)).includes(true);
}
