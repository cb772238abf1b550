import {
  Controller,
  Inject,
  Post,
  Req,
  Res,
  type Type,
  UseFilters,
  UseGuards,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import type { DpopUnavailableError } from '../errors/dpop.error.js';
import { SkipDpop } from '../guard/policy.decorators.js';
import { readBody } from './request-body.js';
import { SecurityEventAnswers, SecurityEventFilter } from './security-event-answers.js';
import type { SecurityEventError } from './security-event.error.js';
import { SecurityEventReceiver } from './security-event.receiver.js';
import { TransmitterGuard } from './transmitter.guard.js';

/** What `@ApiExcludeController()` of @nestjs/swagger writes. The route is for transmitters, not for clients of the API. */
const API_EXCLUDE_CONTROLLER = 'swagger/apiExcludeController';

/**
 * The controller that transmitters send to. Each registration has a class of its own, since the path is part of the class.
 *
 * @see RFC 8935 §2
 */
export function createSecurityEventsController(path: string): Type {
  @SkipDpop()
  @UseGuards(TransmitterGuard)
  @UseFilters(SecurityEventFilter)
  @Controller({ path, version: VERSION_NEUTRAL })
  class SecurityEventsController {
    constructor(
      @Inject(SecurityEventReceiver) private readonly receiver: SecurityEventReceiver,
      @Inject(SecurityEventAnswers) private readonly answers: SecurityEventAnswers,
    ) {}

    @Post()
    async receive(@Req() request: object, @Res() response: unknown): Promise<void> {
      try {
        await this.receiver.receive(() => readBody(request));
      } catch (error) {
        return this.answers.failed(response, error as SecurityEventError | DpopUnavailableError);
      }
      this.answers.accepted(response);
    }
  }
  Reflect.defineMetadata(API_EXCLUDE_CONTROLLER, [true], SecurityEventsController);
  return SecurityEventsController;
}
