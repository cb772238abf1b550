import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { WebSocket } from 'ws';
import { openStage, type Stage } from '../sample/07-bank/stage.js';
import { BankUser } from './bank/bank-user.js';

/** The servers of the bank without a browser: login by PKCE, nonce, step-up, feed, and the thefts of the page. */
describe('the sample of the bank', () => {
  let stage: Stage;
  let alice: BankUser;
  let token: string;

  beforeAll(async () => {
    stage = await openStage();
    alice = await BankUser.create(stage);
    token = await alice.logIn();
  });

  afterAll(() => stage?.close());

  const read = (authorization: string, dpop?: string, path = '/account', api = stage.api) =>
    fetch(`${api}${path}`, { headers: { authorization, ...(dpop !== undefined && { dpop }) } });

  async function codeOf(response: Response): Promise<string> {
    const { message } = (await response.json()) as { readonly message: string };
    return `${response.status} ${message}`;
  }

  test('the token is bound to the key, and names the login', () => {
    const claims = decodeJwt<{ cnf: object; acr: string }>(token);
    expect(claims).toMatchObject({
      cnf: { jkt: expect.stringMatching(/^[\w-]{43}$/) },
      acr: 'pwd',
      sub: 'alice',
    });
    expect(claims['auth_time']).toBeGreaterThan(Date.now() / 1000 - 60);
  });

  test('there is no phone: this authorization server asks for no one-time code', async () => {
    expect(stage.phone).toBeUndefined();
    const answers = await Promise.all(['/phone', '/phone/code'].map((path) => fetch(`${stage.page}${path}`)));
    expect(answers.map(({ status }) => status)).toEqual([404, 404]);
  });

  test('the owner of the key reads the account', async () => {
    const response = await read(`DPoP ${token}`, await alice.createProof(`${stage.api}/account`, token));
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ owner: 'alice', balanceCents: 207_580 });
  });

  test('a transfer needs a nonce, then a login with the second factor (E2, D2)', async () => {
    const body = { to: 'Bob', amountCents: 2_500 };
    const [first, second] = await alice.transfer(token, body);
    expect(first?.headers.get('www-authenticate')).toContain('use_dpop_nonce');
    const challenge = second?.headers.get('www-authenticate') ?? '';
    expect(challenge).toContain('insufficient_user_authentication');
    expect(challenge).toContain('acr_values="phr"');
    const strong = await alice.logIn('bank-page', { prompt: 'login', acr_values: 'phr', max_age: '300' });
    expect(decodeJwt(strong)['acr']).toBe('phr');
    const answers = await alice.transfer(strong, body);
    expect(answers.map(({ status }) => status)).toEqual([401, 201]);
    expect(await answers.at(-1)?.json()).toMatchObject({ balanceCents: 205_080 });
  });

  test('each theft is refused by the check that it meets (B5, C9, C11, F1)', async () => {
    const thief = await BankUser.create(stage);
    const own = await thief.logInAsThief();
    const url = `${stage.api}/account`;
    const captured = await alice.createProof(url, token);
    const late = await alice.createProof(url, token, { iat: Math.floor(Date.now() / 1000) - 12 });
    expect((await read(`DPoP ${token}`, captured)).status).toBe(200);
    const answers = [
      await read(`Bearer ${token}`),
      await read(`DPoP ${token}`, await thief.createProof(url, token)),
      await read(`DPoP ${token}`, captured),
      await read(`DPoP ${token}`, captured, '/statement'),
      await read(`DPoP ${own}`, captured),
      await read(`DPoP ${token}`, late),
    ];
    expect(await Promise.all(answers.map(codeOf))).toEqual([
      '401 Bearer tokens are not accepted, use the DPoP scheme',
      '401 Invalid DPoP key binding',
      '401 The DPoP proof was used before',
      '401 The htu claim does not match the request URI',
      '401 Invalid DPoP key binding',
      '401 The DPoP proof is too old',
    ]);
  });

  test('the bank with plain Bearer tokens lets the thief in', async () => {
    const bearer = await alice.logIn('bank-page-bearer');
    expect(decodeJwt(bearer)['cnf']).toBeUndefined();
    const response = await read(`Bearer ${bearer}`, undefined, '/account', stage.plainApi);
    expect(await response.json()).toMatchObject({ owner: 'alice' });
    const paid = await fetch(`${stage.plainApi}/transfers`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      body: JSON.stringify({ to: 'Thief', amountCents: 100 }),
    });
    expect(paid.status).toBe(201);
  });

  test('no bank moves more than the balance, nor to what is no name, and each says so in a sentence', async () => {
    const bearer = await alice.logIn('bank-page-bearer');
    const strong = await alice.logIn('bank-page', { prompt: 'login', acr_values: 'phr', max_age: '300' });
    const pay = (body: object) =>
      fetch(`${stage.plainApi}/transfers`, {
        method: 'POST',
        headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const payBound = async (body: object) => (await alice.transfer(strong, body)).at(-1) ?? Response.error();
    for (const send of [pay, payBound]) {
      const much = { to: 'Zoë', amountCents: 50_000 };
      for (let count = 0; count < 4; count += 1) expect((await send(much)).status).toBe(201);
      expect(await codeOf(await send(much))).toBe('400 The balance is too small for this transfer.');
      for (const to of ['', '   ', ' Bob', 'R2', 'B'.repeat(41), 7]) {
        expect(await codeOf(await send({ to, amountCents: 100 }))).toBe(
          '400 The recipient is a name: letters and spaces, at most 40.',
        );
      }
      for (const amountCents of [0, 0.5, 50_001, '100']) {
        expect(await codeOf(await send({ to: 'Bob', amountCents }))).toBe(
          '400 The amount is one cent at least, and 500 euro at most.',
        );
      }
    }
  });

  test('the feed opens with a ticket and sends the account (J2)', async () => {
    const response = await fetch(`${stage.api}/tickets`, {
      method: 'POST',
      headers: {
        authorization: `DPoP ${token}`,
        dpop: await alice.createProof(`${stage.api}/tickets`, token, { htm: 'POST' }),
      },
    });
    const { ticket } = (await response.json()) as { readonly ticket: string };
    const socket = new WebSocket(`${stage.api.replace('http', 'ws')}/feed`, [`ticket.${ticket}`, 'feed.v1']);
    const message = await new Promise((resolve, reject) => {
      socket.once('open', () => socket.send(JSON.stringify({ event: 'watch' })));
      socket.once('message', (data: Buffer) => resolve(JSON.parse(data.toString())));
      socket.once('error', reject);
    });
    socket.close();
    expect(message).toMatchObject({ event: 'account', data: { owner: 'alice' } });
  });

  test('the page is served with a strict policy, its config and oauth4webapi', async () => {
    const config = await fetch(`${stage.page}/config.json`);
    const { api, plainApi, issuer } = stage;
    expect(await config.json()).toEqual({ api, plainApi, issuer, maxProofAgeSeconds: 10 });
    expect(config.headers.get('content-security-policy')).toMatch(/^default-src 'self'; connect-src 'self' /);
    const vendor = await fetch(`${stage.page}/vendor/index.js`);
    expect(vendor.headers.get('content-type')).toMatch(/^text\/javascript/);
    expect(await vendor.text()).toContain('export function DPoP(');
  });
});

describe('the sample of the bank with three instances and a Redis', () => {
  test('a proof and a ticket that one instance accepted, no other accepts (F1, J2)', async () => {
    const stage = await openStage({ withRedis: true });
    try {
      const alice = await BankUser.create(stage);
      const token = await alice.logIn();
      const url = `${stage.api}/account`;
      const send = (dpop: string) => fetch(url, { headers: { authorization: `DPoP ${token}`, dpop } });
      // A Redis that has just been started may have lost records: a nonce shows that the proof is younger.
      const first = await send(await alice.createProof(url, token));
      expect(first.headers.get('www-authenticate')).toContain('use_dpop_nonce');
      const nonce = first.headers.get('dpop-nonce');
      const dpop = await alice.createProof(url, token, { nonce });
      const copies = Array.from({ length: 6 }, () => send(dpop));
      const answers = await Promise.all(copies);
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
        200, 401, 401, 401, 401, 401,
      ]);
      expect(new Set(answers.map(({ headers }) => headers.get('x-served-by'))).size).toBe(3);
      const issued = await fetch(`${stage.api}/tickets`, {
        method: 'POST',
        headers: {
          authorization: `DPoP ${token}`,
          dpop: await alice.createProof(`${stage.api}/tickets`, token, { htm: 'POST', nonce }),
        },
      });
      const { ticket } = (await issued.json()) as { readonly ticket: string };
      const outcomes = [];
      for (let attempt = 0; attempt < 3; attempt += 1) outcomes.push(await openFeed(stage, ticket));
      expect(outcomes).toEqual(['open', '401', '401']);
    } finally {
      await stage.close();
    }
  }, 30_000);

  function openFeed(stage: Stage, ticket: string): Promise<string> {
    const socket = new WebSocket(`${stage.api.replace('http', 'ws')}/feed`, [`ticket.${ticket}`, 'feed.v1']);
    return new Promise((resolve) => {
      socket.on('unexpected-response', (_request, response) => {
        response.resume();
        resolve(String(response.statusCode));
      });
      socket.on('error', () => undefined);
      socket.on('open', () => {
        socket.close();
        resolve('open');
      });
    });
  }
});
