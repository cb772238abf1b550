import type { Scene } from '../../story/scene.js';
import type { QuickstartClient } from '../client/quickstart-client.js';
import type { Thief } from './thief.js';
import type { Wire } from './wire.js';

export interface Cast {
  readonly api: string;
  readonly wire: Wire;
  readonly client: QuickstartClient;
  readonly thief: Thief;
  /** A token of the client without a scope. Both tokens are bound to the key of the client. */
  readonly token: string;
  /** A token with `statements:read`. */
  readonly tokenWithScope: string;
}

const ACCOUNTS = { method: 'GET', path: '/accounts' } as const;
const ACCOUNT = { method: 'GET', path: '/accounts/1' } as const;
const STATEMENTS = { method: 'GET', path: '/statements' } as const;
const TRANSFER = { method: 'POST', path: '/transfers' } as const;
const STALE_SECONDS = 120;

export const SCENES: readonly Scene<Cast>[] = [
  {
    title: 'A public and a protected route, without credentials',
    why: 'The guard protects the whole app. Only the route with @SkipDpop() is public.',
    expected: [{ status: 200 }, { status: 401, code: 'credentials_missing' }],
    async play({ api, wire }) {
      await wire.deliver('anyone', { method: 'GET', url: new URL('/health', api), headers: {} });
      await wire.deliver('anyone', { method: 'GET', url: new URL('/accounts', api), headers: {} });
    },
  },
  {
    title: 'A legitimate call',
    why: 'The proof is fresh, names this request and this token, and is signed with the key to which the token is bound.',
    expected: [{ status: 200 }],
    async play({ client, token }) {
      await client.call({ ...ACCOUNTS, token });
    },
  },
  {
    title: 'A call after a nonce challenge',
    why: 'This route requires a nonce of the service in the proof. openid-client takes the nonce from the 401 and repeats the request with a new proof.',
    expected: [{ status: 401, code: 'use_dpop_nonce' }, { status: 201 }],
    async play({ client, token }) {
      await client.call({ ...TRANSFER, token });
    },
  },
  {
    title: 'The stolen token as Bearer',
    why: 'The service accepts no Bearer tokens, and a bound token needs a proof.',
    expected: [{ status: 401, code: 'invalid_token' }],
    async play({ thief, token }) {
      await thief.sendAsBearer(token, ACCOUNTS);
    },
  },
  {
    title: "The stolen token with the thief's own key",
    why: 'The proof is valid, but the thumbprint of its key is not the cnf.jkt of the token.',
    expected: [{ status: 401, code: 'invalid_token' }],
    async play({ thief, token }) {
      await thief.sendWithOwnKey(token, ACCOUNTS);
    },
  },
  {
    title: 'A captured proof, replayed',
    why: 'The service records each proof until it expires, and refuses the second copy.',
    expected: [{ status: 200 }, { status: 401, code: 'invalid_dpop_proof' }],
    async play({ wire, client, thief, token }) {
      const captured = await wire.overhear(() => client.call({ ...ACCOUNTS, token }));
      await thief.resend(captured);
    },
  },
  {
    title: 'A captured proof on another URL',
    why: 'The thief holds the request up before it reaches the API. The proof is unused, but it is valid only for the URL in its htu.',
    expected: [{ status: 401, code: 'invalid_dpop_proof' }, { status: 200 }],
    async play({ wire, client, thief, token }) {
      const captured = await wire.holdUp(() => client.call({ ...ACCOUNTS, token }));
      await thief.resend(captured, { path: ACCOUNT.path });
      await wire.deliver('client', captured, 'held up until now');
    },
  },
  {
    title: 'A captured proof with another method',
    why: 'The htm of the proof is GET, so that it cannot delete the account. The GET of the client, which arrives later, still finds the account.',
    expected: [{ status: 401, code: 'invalid_dpop_proof' }, { status: 200 }],
    async play({ wire, client, thief, token }) {
      const captured = await wire.holdUp(() => client.call({ ...ACCOUNT, token }));
      await thief.resend(captured, { method: 'DELETE' });
      await wire.deliver('client', captured, 'held up until now');
    },
  },
  {
    title: 'A captured proof with another token',
    why: 'Both tokens are bound to the same key, but the ath of the proof is the hash of one of them.',
    expected: [{ status: 401, code: 'invalid_dpop_proof' }, { status: 200 }],
    async play({ wire, client, thief, token, tokenWithScope }) {
      const captured = await wire.holdUp(() => client.call({ ...ACCOUNTS, token }));
      await thief.resend(captured, { token: tokenWithScope });
      await wire.deliver('client', captured, 'held up until now');
    },
  },
  {
    title: 'An expired proof',
    why: `The thief captured a proof that was never used and kept it. Its iat is ${STALE_SECONDS} s ago, and a proof may be 60 s old.`,
    expected: [{ status: 401, code: 'invalid_dpop_proof' }],
    async play({ wire, client, thief, token }) {
      // The client sets iat back, so that the demo need not wait.
      const captured = await wire.holdUp(() =>
        client.call({ ...ACCOUNTS, token, proofAgeSeconds: STALE_SECONDS }),
      );
      await thief.resend(captured);
    },
  },
  {
    title: 'A missing scope',
    why: 'Token and proof are valid, but the route requires the scope statements:read. A token with this scope is accepted.',
    expected: [{ status: 403, code: 'insufficient_scope' }, { status: 200 }],
    async play({ client, token, tokenWithScope }) {
      await client.call({ ...STATEMENTS, token });
      await client.call({ ...STATEMENTS, token: tokenWithScope });
    },
  },
];
