import { Controller, type MessageEvent, Sse } from '@nestjs/common';
import { Dpop, DpopBound } from 'nestjs-dpop';
import { map, type Observable, timer } from 'rxjs';

@Controller()
export class FeedController {
  /** A stream of events, until the token ends. `EventSource` cannot set headers, so that a ticket opens it, too. */
  @Dpop({ ticket: 'allow', endAtExpiry: true })
  @Sse('feed')
  feed(@DpopBound('subject') subject: string): Observable<MessageEvent> {
    return timer(0, 1000).pipe(map((count) => ({ data: { for: subject, count } })));
  }
}
