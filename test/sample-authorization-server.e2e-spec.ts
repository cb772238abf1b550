import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openStage, type Stage } from '../sample/06-authorization-server/stage.js';
import { logIn } from '../sample/06-authorization-server/story/browser.js';
import { gatherCast, playStory } from '../sample/06-authorization-server/story/story.js';
import type { Exchange } from '../sample/06-authorization-server/story/wire.js';
import type { PlayedScene } from '../sample/story/scene.js';

/** The story of `npm run demo:authorization-server`, with openid-client and oauth4webapi as they are. */
describe('the sample of an authorization server', () => {
  let stage: Stage | undefined;
  const played: PlayedScene<Exchange>[] = [];

  beforeAll(async () => {
    stage = await openStage({ logger: false });
    for await (const scene of playStory(await gatherCast(stage))) played.push(scene);
  }, 60_000);

  afterAll(() => stage?.close());

  test('each scene of the demo ends as expected', () => {
    expect(played.filter(({ isAsExpected }) => !isAsExpected)).toStrictEqual([]);
  });

  test.each([
    ['A login, with a nonce challenge at the PAR endpoint', [400, 201, 200, 200], 'G2, G4'],
    ['Client credentials, with a nonce challenge at the token endpoint', [400, 200, 200], 'G2'],
    ["A stolen code with the thief's key", [201, 400, 400], 'G4'],
    ['A stolen code without a proof: a downgrade to Bearer', [201, 400], 'G4'],
    ['A pushed request whose dpop_jkt is of another key', [400], 'G4'],
    ["A stolen refresh token with the thief's key, and without a proof", [400, 400, 200, 200], 'G4'],
    ['A captured token request, replayed', [200, 400], 'F1, G1'],
    ['The proof of a token request at the API', [200, 401], 'G3'],
    ['Token exchange', [400, 200, 400], 'G5'],
    ['Introspection', [200], 'G4'],
    ['A client that does not know DPoP yet', [200, 401], 'G1'],
    ['A rotation of the signing keys', [200, 200, 200], 'B12'],
    ['A refresh token that is used twice', [200, 400, 400], 'G4'],
  ])('the story has the scene "%s", answered with %j (%s)', (title, statuses) => {
    const scene = played.find((result) => result.scene.title === title);
    expect(scene?.exchanges.map(({ status }) => status)).toEqual(statuses);
  });

  test('no token response may be stored, and no refusal is a 401 (G2)', () => {
    const ofServer = played
      .flatMap(({ exchanges }) => exchanges)
      .filter(({ request }) => ['/token', '/par'].includes(request.url.pathname));
    expect(ofServer.length).toBeGreaterThan(20);
    expect(ofServer.filter(({ cacheControl }) => cacheControl !== 'no-store')).toStrictEqual([]);
    expect(ofServer.filter(({ status }) => status === 401)).toStrictEqual([]);
  });

  describe('the login page', () => {
    const pkce = {
      client_id: 'mobile',
      response_type: 'code',
      redirect_uri: 'http://127.0.0.1/callback',
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: 'S256',
    };
    const urlOf = (parameters: Readonly<Record<string, string>>): URL =>
      new URL(`${stage?.issuer}/authorize?${new URLSearchParams(parameters).toString()}`);

    test('sends the user back with a code', async () => {
      const callback = await logIn(urlOf({ ...pkce, state: 'a"b' }));
      expect(callback.origin + callback.pathname).toBe('http://127.0.0.1/callback');
      expect(callback.searchParams.get('state')).toBe('a"b');
      expect(callback.searchParams.get('iss')).toBe(stage?.issuer);
      expect(callback.searchParams.get('code')).toMatch(/^[\w-]{43}$/);
    });

    test.each([
      ['another redirect URI', { redirect_uri: 'http://127.0.0.1/callback/x' }],
      ['an unknown client', { client_id: '<script>' }],
      ['an unknown scope', { scope: 'accounts:read admin' }],
      ['no PKCE', { code_challenge: '' }],
      ['PKCE in plain', { code_challenge_method: 'plain' }],
      ['an implicit grant', { response_type: 'token' }],
      ['a malformed dpop_jkt', { dpop_jkt: 'x' }],
      ['a request_uri that nobody pushed', { request_uri: 'urn:ietf:params:oauth:request_uri:x' }],
    ])('is not shown for %s', async (_what, change) => {
      const response = await fetch(urlOf({ ...pkce, ...change }));
      expect(response.status).toBe(400);
      expect(response.headers.get('content-type')).toContain('json');
      expect(await response.text()).not.toContain('<script>');
    });

    test('takes no wrong password, and no form of another browser', async () => {
      await expect(logIn(urlOf(pkce), { name: 'ada', password: 'wrong' })).rejects.toThrow('failed: 400');
      const html = await (await fetch(urlOf(pkce))).text();
      const [, interaction = ''] = /value="([\w-]+)"/.exec(html) ?? [];
      const body = new URLSearchParams({ interaction, username: 'ada', password: 'analytical-engine' });
      const response = await fetch(`${stage?.issuer}/authorize`, { method: 'POST', body });
      expect(response.status).toBe(400);
    });
  });
});
