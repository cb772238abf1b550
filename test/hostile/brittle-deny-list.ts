import { MemoryDenyList, type RevocableToken } from '../../lib/index.js';
import { clock, ISSUER, now } from './baseline.js';
import { clients, thumbprintOf } from './keys.js';

/** The longest life of a token that this list can judge. */
export const LIFETIME_SECONDS = 600;
/** Tokens of this subject that were issued earlier than that are revoked. */
export const EARLIER = { sub: 'earlier', issuedBefore: Math.floor(now()) - 10 } as const;

const ANSWERS: Readonly<Record<string, () => unknown>> = {
  'answers undefined': () => undefined,
  'answers a promise of null': () => Promise.resolve(null),
  hangs: () => new Promise<never>(() => {}),
  rejects: () => Promise.reject(new Error('the list is down')),
  throws: () => {
    throw new Error('the list is down');
  },
};

/** The subjects for which the list breaks down. */
export const BREAKDOWNS: readonly string[] = Object.keys(ANSWERS);

/** A deny-list that breaks down for some subjects, so that the same service also passes the baseline. */
export class BrittleDenyList extends MemoryDenyList {
  override readonly deadlineMs = 20;

  constructor() {
    super({ maxTokenLifetimeSeconds: LIFETIME_SECONDS, clock: () => clock.nowMs });
    void this.revoke({ issuer: ISSUER, jti: 'revoked' });
    void this.revoke({ issuer: ISSUER, sid: 'revoked' });
    void this.revoke({ issuer: ISSUER, sub: 'revoked' });
    void this.revoke({ issuer: ISSUER, ...EARLIER });
    void this.revoke({ issuer: ISSUER, clientId: 'revoked' });
    void this.revoke({ jkt: thumbprintOf(clients.unlucky.publicJwk) });
  }

  override isRevoked(token: RevocableToken): boolean {
    const answer = ANSWERS[token.subject ?? ''];
    return answer === undefined ? super.isRevoked(token) : (answer() as boolean);
  }
}
