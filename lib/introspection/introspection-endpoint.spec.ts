import { generateKeyPairSync } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { RFC8414 } from '../../test/support/bare-issuer.js';
import { HandClock } from '../../test/support/hand-clock.js';
import { CLIENT, type Introspect, IntrospectedIssuer } from '../../test/support/introspected-issuer.js';
import { OutboundError } from '../outbound/outbound-request.js';
import { IntrospectionEndpoint, skewSeconds } from './introspection-endpoint.js';
import { parseIntrospectionOptions } from './introspection-option-parser.js';

let clock: HandClock;
let issuer: IntrospectedIssuer;

beforeEach(async () => {
  clock = new HandClock();
  issuer = await IntrospectedIssuer.listen(clock, 'key');
});

afterEach(() => issuer.close());

const create = (changes: object = {}): IntrospectionEndpoint =>
  new IntrospectionEndpoint(
    parseIntrospectionOptions({
      accessToken: issuer.accessToken,
      client: CLIENT,
      clock: clock.read,
      ...changes,
    }),
  );

const location = (): string => `${issuer.issuer}/introspect`;

async function failureOf(asking: Promise<unknown>): Promise<OutboundError> {
  const error = await asking.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(OutboundError);
  return error as OutboundError;
}

const refuse =
  (status: number): Introspect =>
  (response) =>
    void response.writeHead(status).end('FORGED');

describe('the question about a token (B7)', () => {
  test('goes to the endpoint of the metadata, which is read once', async () => {
    const endpoint = create();
    const reply = await endpoint.ask('one');
    expect(reply).toMatchObject({ status: 200, mediaType: 'application/json', endpoint: location() });
    expect(JSON.parse(new TextDecoder().decode(reply.body))).toEqual(issuer.active);
    await endpoint.ask('two');
    expect(issuer.bare.asked).toEqual([RFC8414, '/introspect', '/introspect']);
    const [{ headers, body } = { headers: {}, body: [] }] = issuer.questions;
    expect(headers).toMatchObject({ accept: 'application/json' });
    expect(headers.authorization).toMatch(/^Basic /);
    expect(Object.fromEntries(body)).toEqual({ token: 'one', token_type_hint: 'access_token' });
  });

  test('asks for a signed response by option', async () => {
    await create({ signedResponses: true }).ask('one');
    expect(issuer.questions[0]?.headers.accept).toBe('application/token-introspection+jwt');
  });

  test('goes to the endpoint of the options, without its query in what the operator reads', async () => {
    issuer.bare.documents.set('/other?x=1', (_request: unknown, response: ServerResponse) =>
      issuer.sendJson(response, issuer.active),
    );
    const { endpoint } = await create({ endpoint: `${issuer.issuer}/other?x=1` }).ask('one');
    expect(endpoint).toBe(`${issuer.issuer}/other`);
    expect(issuer.bare.asked).toEqual(['/other?x=1']);
  });

  test('is signed by the clock of the service, for the issuer', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const client = { id: 'api', privateKey: privateKey.export({ format: 'jwk' }) };
    await create({ client }).ask('one');
    const { iat = 0, aud, sub } = decodeJwt(issuer.questions[0]?.body.get('client_assertion') ?? '');
    expect({ aud, sub }).toEqual({ aud: issuer.issuer, sub: 'api' });
    // The clock stands still, and that of the machine goes on while the question is signed.
    expect(Math.abs(iat - clock.ms / 1000)).toBeLessThan(60);
    clock.ms = 2500;
    const skew = skewSeconds(clock.read);
    expect(Number.isInteger(skew)).toBe(true);
    expect(Math.abs(skew + Date.now() / 1000)).toBeLessThan(60);
  });

  test('is sent by the fetch of the app', async () => {
    const fetched: string[] = [];
    const ownFetch = (url: string, init: RequestInit) => {
      fetched.push(`${init.method ?? 'GET'} ${new URL(url).pathname} ${init.redirect}`);
      return fetch(url, init);
    };
    await create({ accessToken: { ...issuer.accessToken, fetch: ownFetch } }).ask('one');
    expect(fetched).toEqual([`GET ${RFC8414} manual`, 'POST /introspect manual']);
  });
});

describe('the reply of an endpoint (B7)', () => {
  test.each([
    ['application/json', 'application/json'],
    ['Application/JSON ; charset=utf-8', 'application/json'],
    ['text/html', 'text/html'],
    [undefined, ''],
  ])('of the type %s has the media type %s', async (sent, mediaType) => {
    issuer.introspect = (response) =>
      void response.writeHead(200, sent === undefined ? {} : { 'content-type': sent }).end();
    expect(await create().ask('one')).toMatchObject({ mediaType, body: new Uint8Array() });
  });

  test('may have the status 400', async () => {
    issuer.introspect = (response) => issuer.sendJson(response, {}, 400);
    expect(await create().ask('one')).toMatchObject({ status: 400 });
  });

  test.each([
    [
      401,
      'it does not accept the credentials of this service (status 401): compare client with what is registered, and whether the registered method is client_secret_basic, client_secret_post or private_key_jwt',
    ],
    [403, 'it does not let this client introspect tokens (status 403): allow that at the issuer'],
    [404, 'there is none (status 404): correct endpoint or the metadata of the issuer'],
    [429, 'this service asks too often (status 429): raise cacheSeconds, or the limit at the issuer'],
    [500, 'status 500'],
    [302, 'status 302'],
    [201, 'status 201'],
    [204, 'status 204'],
  ])('with the status %i is a failure', async (status, problem) => {
    issuer.introspect = refuse(status);
    const { message, cause } = await failureOf(create().ask('one'));
    expect(message).toBe(`${location()}: ${problem}`);
    expect(cause).toEqual(new OutboundError(problem));
  });

  test('that is a failure is not read', async () => {
    let isCancelled = false;
    const body = new ReadableStream({ cancel: () => void (isCancelled = true) });
    const ownFetch = () => Promise.resolve(new Response(body, { status: 500 }));
    const accessToken = { ...issuer.accessToken, fetch: ownFetch };
    await failureOf(create({ accessToken, endpoint: location() }).ask('one'));
    expect(isCancelled).toBe(true);
  });
});

describe('an endpoint that cannot be asked (B8)', () => {
  test('is looked for again, as the issuer may have moved it', async () => {
    const endpoint = create();
    issuer.introspect = refuse(404);
    await failureOf(endpoint.ask('one'));
    issuer.introspect = (response) => issuer.sendJson(response, issuer.active);
    await endpoint.ask('one');
    expect(issuer.bare.asked).toEqual([RFC8414, '/introspect', RFC8414, '/introspect']);
  });

  test('is looked for by one search at a time, and again after one that fails', async () => {
    const endpoint = create();
    const metadata = issuer.bare.documents.get(RFC8414);
    issuer.bare.documents.set(RFC8414, issuer.bare.metadata);
    for (const { message } of await Promise.all([failureOf(endpoint.open()), failureOf(endpoint.ask('one'))]))
      expect(message).toContain('it has no introspection_endpoint');
    expect(issuer.bare.asked.filter((path) => path === RFC8414)).toHaveLength(1);
    issuer.bare.documents.set(RFC8414, metadata);
    await endpoint.open();
    await endpoint.ask('one');
    expect(issuer.bare.asked.filter((path) => path === RFC8414)).toHaveLength(2);
  });

  test('does not answer within timeoutMs', async () => {
    issuer.introspect = () => undefined;
    const { message } = await failureOf(create({ timeoutMs: 50, endpoint: location() }).ask('one'));
    expect(message).toBe(`${location()}: no answer within timeoutMs, 50 ms`);
  });

  test('is not asked with a key that cannot be used', async () => {
    const [one, other] = ['one', 'other'].map(() =>
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }),
    );
    const endpoint = create({ client: { id: 'api', privateKey: { ...one, d: other?.d } } });
    for (const ask of [() => endpoint.open(), () => endpoint.ask('one')]) {
      const { message, cause } = await failureOf(ask());
      expect(message).toBe('the private key of client cannot be used: check privateKey and algorithm');
      expect(cause).toMatchObject({ name: 'DataError' });
    }
    expect(issuer.bare.asked).toStrictEqual([]);
  });

  test('is told without the words of an error of others', async () => {
    const { message, cause } = await failureOf(create().ask(''));
    expect(message).toBe(`${location()}: the request failed`);
    expect(cause).toBeInstanceOf(TypeError);
  });
});

describe('an endpoint that is closed (B8)', () => {
  test('ends what is running, and is asked no more', async () => {
    const endpoint = create({ endpoint: location() });
    expect(endpoint.isClosed).toBe(false);
    const asked = new Promise<void>((resolve) => (issuer.introspect = () => resolve()));
    const failure = failureOf(endpoint.ask('one'));
    await asked;
    endpoint.close();
    expect(endpoint.isClosed).toBe(true);
    expect((await failure).message).toBe(`${location()}: the service shuts down`);
    expect((await failureOf(endpoint.ask('two'))).message).toBe(`${location()}: the service shuts down`);
    expect(issuer.count).toBe(1);
  });
});
