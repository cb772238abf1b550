import type { JwtAccessTokenOptions } from 'nestjs-dpop';
import type { Phone } from '../phone/phone.js';

/** An authorization server of the bank, while it runs. */
export interface RunningIssuer {
  readonly issuer: string;
  /** The name of the software, for the person who starts the demo. */
  readonly product: string;
  /** Where users find their one-time codes, if the server asks for any. */
  readonly phone?: Phone;
  /** How an API verifies the access tokens that are meant for it. */
  accessTokenFor(audience: string): JwtAccessTokenOptions;
  close(): Promise<void>;
}

export interface IssuerOptions {
  readonly port: number;
  /** The origin of the page, to which the browser returns. */
  readonly page: string;
  /** The APIs for which tokens are issued: the bank, and the one with Bearer tokens. */
  readonly api: string;
  readonly plainApi: string;
  readonly tokenLifetimeSeconds: number;
}

export type StartIssuer = (options: IssuerOptions) => Promise<RunningIssuer>;
