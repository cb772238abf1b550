import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrlWithPAR,
  calculatePKCECodeChallenge,
  type Configuration,
  customFetch,
  discovery,
  type DPoPHandle,
  fetchProtectedResource,
  getDPoPHandle,
  None,
  randomDPoPKeyPair,
  randomPKCECodeVerifier,
  randomState,
  refreshTokenGrant,
  ResponseBodyError,
  WWWAuthenticateChallengeError,
} from 'openid-client';
import { REDIRECT_URI } from '../authorization-server/registered.js';
import { logIn } from './browser.js';
import type { Wire } from './wire.js';

/** A code on its way back to the app, with what only the app knows. */
export interface PendingLogin {
  readonly callback: URL;
  readonly verifier: string;
  readonly state: string;
}

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** A public client with a key: openid-client, as its documentation says. */
export class MobileApp {
  private constructor(
    readonly jkt: string,
    private readonly configuration: Configuration,
    private readonly dpop: DPoPHandle,
    private readonly api: string,
  ) {}

  static async create(issuer: string, api: string, wire: Wire): Promise<MobileApp> {
    const configuration = await discovery(new URL(issuer), 'mobile', undefined, None(), {
      algorithm: 'oauth2',
      // oxlint-disable-next-line typescript/no-deprecated -- marked as a warning; plain http is fine on loopback
      execute: [allowInsecureRequests],
      [customFetch]: wire.fetchAs('mobile'),
    });
    const dpop = getDPoPHandle(configuration, await randomDPoPKeyPair('ES256'));
    return new MobileApp(await dpop.calculateThumbprint(), configuration, dpop, api);
  }

  /** Pushes an authorization request, and has the user log in. */
  async beginLogin(): Promise<PendingLogin> {
    const verifier = randomPKCECodeVerifier();
    const state = randomState();
    const parameters = {
      redirect_uri: REDIRECT_URI,
      scope: 'accounts:read',
      state,
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    };
    const url = await buildAuthorizationUrlWithPAR(this.configuration, parameters, { DPoP: this.dpop });
    return { callback: await logIn(url), verifier, state };
  }

  async redeem({ callback, verifier, state }: PendingLogin): Promise<Tokens> {
    const checks = { pkceCodeVerifier: verifier, expectedState: state };
    const { access_token, refresh_token = '' } = await authorizationCodeGrant(
      this.configuration,
      callback,
      checks,
      undefined,
      { DPoP: this.dpop },
    );
    return { accessToken: access_token, refreshToken: refresh_token };
  }

  async logIn(): Promise<Tokens> {
    return await this.redeem(await this.beginLogin());
  }

  async refresh(token: string): Promise<Tokens> {
    const { access_token, refresh_token = '' } = await refreshTokenGrant(
      this.configuration,
      token,
      undefined,
      { DPoP: this.dpop },
    );
    return { accessToken: access_token, refreshToken: refresh_token };
  }

  async callApi(accessToken: string): Promise<void> {
    const url = new URL('/accounts', this.api);
    const DPoP = this.dpop;
    await ignoreRefusal(() =>
      fetchProtectedResource(this.configuration, accessToken, url, 'GET', undefined, undefined, { DPoP }),
    );
  }
}

/** A refusal is on the wire, where the scene compares it. */
export async function ignoreRefusal(send: () => Promise<unknown>): Promise<void> {
  try {
    await send();
  } catch (error) {
    if (error instanceof ResponseBodyError || error instanceof WWWAuthenticateChallengeError) return;
    throw error;
  }
}
