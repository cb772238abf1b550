import { Injectable } from '@nestjs/common';
import { ExpiringMap } from './expiring-map.js';

/** What a user has allowed, once for each code. All tokens of a grant are revoked together. */
@Injectable()
export class Grants {
  readonly #revoked = new ExpiringMap<true>(86_400);

  revoke(grantId: string): void {
    this.#revoked.set(grantId, true);
  }

  isRevoked(grantId: string): boolean {
    return this.#revoked.get(grantId) === true;
  }
}
