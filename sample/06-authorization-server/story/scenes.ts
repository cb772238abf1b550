import type { Scene } from '../../story/scene.js';
import { REDIRECT_URI } from '../authorization-server/registered.js';
import { ACCESS_TOKEN_TYPE, TOKEN_EXCHANGE } from '../authorization-server/token-exchange.js';
import { ignoreRefusal, type MobileApp, type PendingLogin, type Tokens } from './mobile-app.js';
import type { ServiceClient } from './service-client.js';
import type { Thief } from './thief.js';
import type { Wire } from './wire.js';

export interface Cast {
  readonly api: string;
  readonly wire: Wire;
  readonly mobile: MobileApp;
  readonly reports: ServiceClient;
  readonly legacy: ServiceClient;
  /** The API as a client of the authorization server. */
  readonly apiClient: ServiceClient;
  readonly thief: Thief;
  /** Rotates the signing keys of the authorization server. */
  readonly rotateKeys: () => Promise<void>;
  /** The present tokens of the app. */
  tokens: Tokens;
}

const ACCEPTED = { status: 200 } as const;
const PUSHED = { status: 201 } as const;
const NEEDS_NONCE = { status: 400, code: 'use_dpop_nonce' } as const;
const OTHER_KEY = { status: 400, code: 'invalid_grant' } as const;
const NO_PROOF = { status: 400, code: 'invalid_dpop_proof' } as const;

/** What a thief sends who has seen everything of a login but the key of the app. */
const codeForm = ({ callback, verifier }: PendingLogin): Readonly<Record<string, string>> => ({
  grant_type: 'authorization_code',
  code: callback.searchParams.get('code') ?? '',
  redirect_uri: REDIRECT_URI,
  code_verifier: verifier,
});
const refreshForm = (token: string): Readonly<Record<string, string>> => ({
  grant_type: 'refresh_token',
  refresh_token: token,
});

export const SCENES: readonly Scene<Cast>[] = [
  {
    title: 'A login, with a nonce challenge at the PAR endpoint',
    why: 'openid-client takes the nonce from the 400 and repeats the request. Then it redeems the code and calls the API with a token that is bound to its key.',
    expected: [NEEDS_NONCE, PUSHED, ACCEPTED, ACCEPTED],
    async play(cast) {
      cast.tokens = await cast.mobile.logIn();
      await cast.mobile.callApi(cast.tokens.accessToken);
    },
  },
  {
    title: 'Client credentials, with a nonce challenge at the token endpoint',
    why: 'oauth4webapi does the same for a service. The refusal is a 400 with the JSON of RFC 6749, not a 401.',
    expected: [NEEDS_NONCE, ACCEPTED, ACCEPTED],
    async play({ api, reports }) {
      await reports.callApi(api, await reports.fetchToken());
    },
  },
  {
    title: "A stolen code with the thief's key",
    why: 'The code is bound to the key of the pushed request (dpop_jkt). The thief even has the PKCE verifier. The attempt spends the code: the app has to log in again.',
    expected: [PUSHED, OTHER_KEY, OTHER_KEY],
    async play({ mobile, thief }) {
      const login = await mobile.beginLogin();
      await thief.sendWithOwnKey('/token', codeForm(login));
      await ignoreRefusal(() => mobile.redeem(login));
    },
  },
  {
    title: 'A stolen code without a proof: a downgrade to Bearer',
    why: 'The server still issues Bearer tokens to old clients, but not for a code that is bound to a key, and not to a client with dpop_bound_access_tokens.',
    expected: [PUSHED, NO_PROOF],
    async play({ mobile, thief }) {
      await thief.sendWithoutProof('/token', codeForm(await mobile.beginLogin()));
    },
  },
  {
    title: 'A pushed request whose dpop_jkt is of another key',
    why: 'Proof and parameter must agree (RFC 9449 §10.1).',
    expected: [{ status: 400, code: 'invalid_request' }],
    async play({ mobile, thief }) {
      await thief.sendWithOwnKey('/par', {
        response_type: 'code',
        redirect_uri: REDIRECT_URI,
        code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
        code_challenge_method: 'S256',
        dpop_jkt: mobile.jkt,
      });
    },
  },
  {
    title: "A stolen refresh token with the thief's key, and without a proof",
    why: 'Refresh tokens of a public client are bound to its key. The attempts spend nothing: the app refreshes as ever.',
    expected: [OTHER_KEY, NO_PROOF, ACCEPTED, ACCEPTED],
    async play(cast) {
      const { mobile, thief, tokens } = cast;
      await thief.sendWithOwnKey('/token', refreshForm(tokens.refreshToken));
      await thief.sendWithoutProof('/token', refreshForm(tokens.refreshToken));
      cast.tokens = await mobile.refresh(tokens.refreshToken);
      await mobile.callApi(cast.tokens.accessToken);
    },
  },
  {
    title: 'A captured token request, replayed',
    why: 'The request holds the secret and a valid proof of the client. The server has recorded the proof.',
    expected: [ACCEPTED, NO_PROOF],
    async play({ wire, reports, thief }) {
      await reports.fetchToken();
      await thief.resend(wire.lastRequest('/token'));
    },
  },
  {
    title: 'The proof of a token request at the API',
    why: 'The proof names the method and the URL of the token endpoint, and it lacks the hash of the access token. A proof for one server is never good for the other.',
    expected: [ACCEPTED, { status: 401, code: 'invalid_dpop_proof' }],
    async play(cast) {
      const { api, wire, mobile, thief } = cast;
      cast.tokens = await mobile.refresh(cast.tokens.refreshToken);
      const { dpop = '' } = wire.lastRequest('/token').headers;
      const headers = { authorization: `DPoP ${cast.tokens.accessToken}`, dpop };
      await thief.resend({ method: 'GET', url: new URL('/accounts', api), headers, form: undefined });
    },
  },
  {
    title: 'Token exchange',
    why: 'The API may exchange a token that it was called with for one of its own key. A thief may not: the token would be free of the key that it is bound to.',
    expected: [NEEDS_NONCE, ACCEPTED, { status: 400, code: 'invalid_request' }],
    async play({ apiClient, thief, tokens }) {
      await apiClient.exchangeToken(tokens.accessToken);
      await thief.sendWithOwnKey('/token', {
        grant_type: TOKEN_EXCHANGE,
        subject_token: tokens.accessToken,
        subject_token_type: ACCESS_TOKEN_TYPE,
      });
    },
  },
  {
    title: 'Introspection',
    why: 'The answer has the token_type DPoP and the key in cnf, so that an API can check the binding of opaque tokens too.',
    expected: [ACCEPTED],
    async play({ apiClient, mobile, tokens }) {
      const { token_type: type, cnf } = await apiClient.introspect(tokens.accessToken);
      if (type !== 'DPoP' || (cnf as { jkt?: string } | undefined)?.jkt !== mobile.jkt)
        throw new Error('the binding is missing in the answer');
    },
  },
  {
    title: 'A client that does not know DPoP yet',
    why: 'It gets a Bearer token (absentProof: accept). This API takes none.',
    expected: [ACCEPTED, { status: 401, code: 'invalid_token' }],
    async play({ api, legacy }) {
      const token = await legacy.fetchToken();
      await legacy.callApi(api, token).catch(() => {});
    },
  },
  {
    title: 'A rotation of the signing keys',
    why: 'The next key was published before it signs, so that the API knows it. The token of the former key is still good.',
    expected: [ACCEPTED, ACCEPTED, ACCEPTED],
    async play(cast) {
      const { mobile, tokens } = cast;
      await cast.rotateKeys();
      cast.tokens = await mobile.refresh(tokens.refreshToken);
      await mobile.callApi(cast.tokens.accessToken);
      await mobile.callApi(tokens.accessToken);
    },
  },
  {
    title: 'A refresh token that is used twice',
    why: 'Malware on the phone can use the key of the app while it runs. A refresh token is good for one use: the second one revokes the grant, and its successor is refused too.',
    expected: [ACCEPTED, OTHER_KEY, OTHER_KEY],
    async play({ mobile, tokens }) {
      const next = await mobile.refresh(tokens.refreshToken);
      await ignoreRefusal(() => mobile.refresh(tokens.refreshToken));
      await ignoreRefusal(() => mobile.refresh(next.refreshToken));
    },
  },
];
