import { MemoryDenyList, type RevocationEntry } from 'nestjs-dpop';
import { TestIssuer } from 'nestjs-dpop/testing';
import type { TransmitterOptions } from 'nestjs-dpop/security-events';
import { SecurityEventReceiver } from '../../lib/security-events/security-event.receiver.js';
import { HandClock } from './hand-clock.js';

const AUDIENCE = 'https://api.test/events';

export const SESSION = 'https://schemas.openid.net/secevent/caep/event-type/session-revoked';
export const DISABLED = 'https://schemas.openid.net/secevent/risc/event-type/account-disabled';

/** A transmitter, a deny-list that keeps its entries, and the lines that receivers write. */
export class ReceiverScene {
  readonly clock = new HandClock(Date.parse('2030-01-01T00:00:00Z'));
  readonly lines: string[] = [];
  readonly entries: RevocationEntry[] = [];

  private constructor(readonly issuer: TestIssuer) {}

  static async create(): Promise<ReceiverScene> {
    return new ReceiverScene(await TestIssuer.create({ clock: () => Date.parse('2030-01-01T00:00:00Z') }));
  }

  get nowSeconds(): number {
    return this.clock.ms / 1000;
  }

  /** @param before called before an entry is taken */
  listOf(before: () => void | Promise<void> = () => undefined): MemoryDenyList {
    const { entries, clock } = this;
    return new (class extends MemoryDenyList {
      override async revoke(entry: RevocationEntry): Promise<void> {
        await before();
        await super.revoke(entry);
        entries.push(entry);
      }
    })({ maxTokenLifetimeSeconds: 60, clock: clock.read });
  }

  receiver(changes: Partial<TransmitterOptions> = {}, denyList = this.listOf()): SecurityEventReceiver {
    const { issuer, clock } = this;
    const transmitter = { issuer: issuer.issuer, audience: AUDIENCE, keys: issuer.keys, ...changes };
    return new SecurityEventReceiver(
      { transmitters: [transmitter], denyList, authorizations: [], clock: clock.read },
      (level, text) => this.lines.push(`${level} ${text}`),
    );
  }

  user(sub: string): object {
    return { format: 'iss_sub', iss: this.issuer.issuer, sub };
  }

  async sign(claims: object = {}, header: object = {}): Promise<string> {
    const events = { [SESSION]: {} };
    return await this.issuer.issueToken({
      header: { typ: 'secevent+jwt', ...header },
      claims: { aud: AUDIENCE, exp: undefined, sub_id: this.user('alice'), events, ...claims },
    });
  }
}

export async function receive(receiver: SecurityEventReceiver, text: string): Promise<void> {
  await receiver.receive(() => Promise.resolve(text));
}
