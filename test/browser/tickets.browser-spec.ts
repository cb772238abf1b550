import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { openStage, type Stage } from '../../sample/05-sockets/stage.js';
import { type Browser, startBrowser } from './browser.js';

let browser: Browser;
let stage: Stage;

beforeAll(async () => {
  browser = await startBrowser();
});

afterAll(() => browser.close());

beforeEach(async () => {
  stage = await openStage();
});

afterEach(async () => {
  for (const page of browser.context.pages()) await page.close();
  await stage.close();
});

/** The page of the sample, once its script has done everything. */
async function openPage(): Promise<Page> {
  const page = await browser.context.newPage();
  await page.goto(stage.ws);
  await page.waitForSelector('body[data-done]', { state: 'attached' });
  return page;
}

describe('tickets in Chromium (J2)', () => {
  test('the page of the sample opens EventSource and WebSocket, each ticket once', async () => {
    const page = await openPage();
    const text = (id: string) => page.textContent(`#${id}`);
    const key = await text('key');
    expect(key).toMatch(/^[\w-]{43}$/);
    expect(JSON.parse((await text('feed')) ?? '')).toEqual({ for: 'user', count: 0 });
    // An EventSource gives up for good on a 401: 2 is CLOSED.
    expect(await text('feed-again')).toBe('refused, state 2');
    expect((await text('live'))?.trim()).toBe(key);
    expect(await text('live-again')).toBe('refused, code 1006');
    expect(await text('protocol')).toBe(`${key} events.v1`);
  });

  test('the ticket stays out of the history and of the Referer', async () => {
    const page = await openPage();
    const opened = await page.evaluate('location.href + document.referrer + JSON.stringify(history.state)');
    expect(opened).not.toContain('ticket');
  });

  test('a page of another origin cannot fetch a ticket, and opens nothing without one', async () => {
    const page = await openPage();
    // The API with socket.io is another origin, and has no CORS.
    const outcome = await page.evaluate(
      `fetch('${stage.io}/tickets', { method: 'POST', headers: { authorization: 'DPoP x' } }).then(() => 'read', () => 'blocked')`,
    );
    expect(outcome).toBe('blocked');
    const closed = await page.evaluate(
      `new Promise((resolve) => { new WebSocket('${stage.io.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket').onclose = ({ code }) => resolve(code); })`,
    );
    expect(closed).toBe(1006);
  });

  test('a page connects by socket.io with a ticket in the query', async () => {
    const page = await browser.context.newPage();
    await page.goto(stage.io);
    await page.waitForSelector('#key:not(:empty)', { state: 'attached' });
    await page.addScriptTag({ url: '/socket.io/socket.io.js' });
    const answer = await page.evaluate(CONNECT);
    expect(answer).toMatchObject({ key: expect.stringMatching(/^[\w-]{43}$/), again: 'websocket error' });
  });
});

/** Runs in the page: a key, a token, a ticket, and socket.io with it twice. */
const CONNECT = `(async () => {
  const bytes = (text) => new TextEncoder().encode(text);
  const base64url = (data) => btoa(String.fromCharCode(...new Uint8Array(data))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  const sha256 = async (text) => base64url(await crypto.subtle.digest('SHA-256', bytes(text)));
  const { publicKey, privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
  const { crv, kty, x, y } = await crypto.subtle.exportKey('jwk', publicKey);
  const jkt = await sha256(JSON.stringify({ crv, kty, x, y }));
  const json = { 'content-type': 'application/json' };
  const login = await fetch('/login', { method: 'POST', headers: json, body: JSON.stringify({ jkt }) });
  const { token } = await login.json();
  const claims = { jti: crypto.randomUUID(), htm: 'POST', htu: location.origin + '/tickets', iat: Math.floor(Date.now() / 1000), ath: await sha256(token) };
  const input = [{ alg: 'ES256', typ: 'dpop+jwt', jwk: { kty, crv, x, y } }, claims].map((part) => base64url(bytes(JSON.stringify(part)))).join('.');
  const dpop = input + '.' + base64url(await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, privateKey, bytes(input)));
  const response = await fetch('/tickets', { method: 'POST', headers: { ...json, authorization: 'DPoP ' + token, dpop }, body: JSON.stringify({ path: '/socket.io/' }) });
  const { ticket } = await response.json();
  const connect = () => {
    const socket = io({ transports: ['websocket'], reconnection: false, forceNew: true, query: { ticket } });
    return new Promise((resolve) => {
      socket.on('connect', () => socket.emit('whoami', (you) => { socket.disconnect(); resolve(you.key); }));
      socket.on('connect_error', ({ message }) => resolve(message));
    });
  };
  return { key: await connect(), again: await connect() };
})()`;
