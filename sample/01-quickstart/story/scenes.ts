import type { Scene } from '../../story/scene.js';
import type { QuickstartClient } from '../client/quickstart-client.js';
import type { Thief } from './thief.js';
import type { Wire } from './wire.js';

export interface Cast {
  readonly api: string;
  readonly wire: Wire;
  readonly client: QuickstartClient;
  readonly thief: Thief;
  /** A token of the client without any scope, and one with `statements:read`; both bound to the client's key. */
  readonly token: string;
  readonly tokenWithScope: string;
}

const ACCOUNTS = { method: 'GET', path: '/accounts' } as const;
const ACCOUNT = { method: 'GET', path: '/accounts/1' } as const;
const STATEMENTS = { method: 'GET', path: '/statements' } as const;
const TRANSFER = { method: 'POST', path: '/transfers' } as const;
const STALE_SECONDS = 120;

export const SCENES: readonly Scene<Cast>[] = [
  {
    title: 'A public route, and a protected one without credentials',
    why: 'The guard is bound to the whole app; only the route marked @SkipDpop() is open.',
    expected: [{ status: 200 }, { status: 401, code: 'credentials_missing' }],
    async play({ api, wire }) {
      await wire.deliver('anyone', { method: 'GET', url: new URL('/health', api), headers: {} });
      await wire.deliver('anyone', { method: 'GET', url: new URL('/accounts', api), headers: {} });
    },
  },
  {
    title: 'A legitimate call',
    why: 'The proof is fresh, made for this request and this token, and signed with the key that the token is bound to.',
    expected: [{ status: 200 }],
    async play({ client, token }) {
      await client.call({ ...ACCOUNTS, token });
    },
  },
  {
    title: 'A call after a nonce challenge',
    why: 'This route wants a nonce of the service in the proof; openid-client takes it from the 401 and tries once more.',
    expected: [{ status: 401, code: 'use_dpop_nonce' }, { status: 201 }],
    async play({ client, token }) {
      await client.call({ ...TRANSFER, token });
    },
  },
  {
    title: 'The stolen token as Bearer',
    why: 'A bound token is worth nothing without a proof, and this service takes no Bearer tokens.',
    expected: [{ status: 401, code: 'invalid_token' }],
    async play({ thief, token }) {
      await thief.sendAsBearer(token, ACCOUNTS);
    },
  },
  {
    title: "The stolen token with the thief's own key",
    why: "The proof is flawless, but the thumbprint of its key is not the one in the token's cnf.jkt.",
    expected: [{ status: 401, code: 'invalid_token' }],
    async play({ thief, token }) {
      await thief.sendWithOwnKey(token, ACCOUNTS);
    },
  },
  {
    title: 'A captured proof, replayed',
    why: 'The service remembers the jti of a proof for as long as that is fresh, so the second copy is refused.',
    expected: [{ status: 200 }, { status: 401, code: 'invalid_dpop_proof' }],
    async play({ wire, client, thief, token }) {
      const captured = await wire.overhear(() => client.call({ ...ACCOUNTS, token }));
      await thief.resend(captured);
    },
  },
  {
    title: 'A captured proof on another URL',
    why: 'The proof was held up before it was used and is still good, but only for the URL in its htu.',
    expected: [{ status: 401, code: 'invalid_dpop_proof' }, { status: 200 }],
    async play({ wire, client, thief, token }) {
      const captured = await wire.holdUp(() => client.call({ ...ACCOUNTS, token }));
      await thief.resend(captured, { path: ACCOUNT.path });
      await wire.deliver('client', captured, 'held up until now');
    },
  },
  {
    title: 'A captured proof with another method',
    why: 'The htm of the proof says GET, so it deletes nothing: the account is still there when the held-up GET arrives.',
    expected: [{ status: 401, code: 'invalid_dpop_proof' }, { status: 200 }],
    async play({ wire, client, thief, token }) {
      const captured = await wire.holdUp(() => client.call({ ...ACCOUNT, token }));
      await thief.resend(captured, { method: 'DELETE' });
      await wire.deliver('client', captured, 'held up until now');
    },
  },
  {
    title: 'A captured proof with another token',
    why: 'Both tokens are bound to the same key, but the ath of the proof is the hash of the one it was made for.',
    expected: [{ status: 401, code: 'invalid_dpop_proof' }, { status: 200 }],
    async play({ wire, client, thief, token, tokenWithScope }) {
      const captured = await wire.holdUp(() => client.call({ ...ACCOUNTS, token }));
      await thief.resend(captured, { token: tokenWithScope });
      await wire.deliver('client', captured, 'held up until now');
    },
  },
  {
    title: 'An expired proof',
    why: `Captured, never used, and kept for later: an iat of ${STALE_SECONDS} seconds ago is beyond the 60 that are allowed.`,
    expected: [{ status: 401, code: 'invalid_dpop_proof' }],
    async play({ wire, client, thief, token }) {
      // Nobody has to wait: the client dates the proof back.
      const captured = await wire.holdUp(() =>
        client.call({ ...ACCOUNTS, token, proofAgeSeconds: STALE_SECONDS }),
      );
      await thief.resend(captured);
    },
  },
  {
    title: 'A missing scope',
    why: 'Token and proof are good, but the route asks for statements:read; a token that has it passes.',
    expected: [{ status: 403, code: 'insufficient_scope' }, { status: 200 }],
    async play({ client, token, tokenWithScope }) {
      await client.call({ ...STATEMENTS, token });
      await client.call({ ...STATEMENTS, token: tokenWithScope });
    },
  },
];
