import { Secret, TOTP } from 'otpauth';

const PERIOD_SECONDS = 30;

/** What the phone shows. */
export interface OneTimeCode {
  readonly code: string;
  /** How long the phone still shows it. */
  readonly remainingMs: number;
}

/** The app for one-time codes on alice's phone (TOTP, RFC 6238). It shares a secret with the authorization server. */
export class Phone {
  readonly #totp = new TOTP({ algorithm: 'SHA1', digits: 6, period: PERIOD_SECONDS, secret: new Secret() });

  /** What the authorization server must know, as its JSON names it. */
  get credential(): { readonly secret: object; readonly parameters: object } {
    const { secret, digits, period } = this.#totp;
    return {
      secret: { value: secret.base32 },
      parameters: {
        subType: 'totp',
        algorithm: 'HmacSHA1',
        digits,
        period,
        counter: 0,
        secretEncoding: 'BASE32',
      },
    };
  }

  read(): OneTimeCode {
    const timestamp = Date.now();
    return { code: this.#totp.generate({ timestamp }), remainingMs: this.#totp.remaining({ timestamp }) };
  }
}
