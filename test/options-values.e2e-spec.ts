import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { type AccessTokenClaims, AccessTokenVerifier } from 'nestjs-dpop';
import { GOOD, type Untyped } from './options/good-options.js';
import { MEMBERS, NESTED, TOP_LEVEL } from './options/invalid-values.js';
import { secret31, secret32 } from './options/secrets.js';
import { forRoot, forRootAsync, messageOf, start } from './options/start-with.js';

class OwnVerifier extends AccessTokenVerifier {
  override verify(): AccessTokenClaims {
    return {};
  }
}

/** In both ways in: given at once, and from a factory. */
const WAYS: readonly (readonly [string, (options: unknown) => Promise<unknown>])[] = [
  ['forRoot', async (options) => await start(forRoot(options))],
  ['forRootAsync', async (options) => await start(forRootAsync({ useFactory: () => options }))],
];

describe.each(WAYS)('misconfiguration at start, by %s', (way, startWith) => {
  test('what is right starts', async () => {
    await startWith(GOOD);
    await startWith({
      ...GOOD,
      origin: ['https://api.example.com/v1/', 'http://localhost:3000', 'http://127.0.0.1', 'http://[::1]:1'],
      accessToken: [
        GOOD.accessToken,
        { ...GOOD.accessToken, issuer: 'http://localhost:4000' },
        new OwnVerifier(),
      ],
      proof: { algorithms: ['ES256', 'PS256'], maxAgeSeconds: 1, futureToleranceSeconds: 0, maxBytes: 512 },
      nonce: { mode: 'required', secret: [secret32, randomBytes(32)], freshness: 'nonce' },
      metadata: { url: 'http://127.0.0.1:3000/.well-known/oauth-protected-resource' },
      cache: { maxKeys: 0, maxTokens: 0 },
      realm: 'a "realm" \\ of its own',
    });
    await startWith({ ...GOOD, allowInsecureHttp: true, origin: 'http://api.internal' });
    await startWith({ ...GOOD, metadata: {} });
    await startWith({
      ...GOOD,
      origin: 'request',
      metadata: {
        resource: 'https://anywhere.example.com/accounts',
        scopes: [],
        authorizationServers: ['http://localhost:4000'],
        name: 'Konten & mehr',
        documentationUrl: 'https://docs.example.com/?page=dpop#start',
      },
    });
  });

  const topLevel = Object.entries(TOP_LEVEL)
    .filter(([option]) => !(way === 'forRootAsync' && option === 'isGlobal'))
    .flatMap(([option, [values, accepted]]) => values.map((value) => [option, value, accepted] as const));

  test.each(topLevel)(
    '%s: %p is a TypeError that names it and the accepted form',
    async (option, value, accepted) => {
      const message = await messageOf(() => startWith({ ...GOOD, [option]: value }));
      expect(message).toMatch(new RegExp(`^${option}\\b`));
      expect(message).toContain(accepted);
    },
  );

  // The way in is the same for all of it: one way suffices for the long table.
  const table = way === 'forRoot' ? MEMBERS : MEMBERS.slice(0, 1);
  const members = table.flatMap(([option, member, inner, [values, accepted]]) =>
    values.map(
      (value) => [`${option}.${member}`, value, accepted, option, { ...inner, [member]: value }] as const,
    ),
  );

  test.each(members)('%s: %p is a TypeError that names it and the accepted form', async (...row) => {
    const [path, , accepted, option, value] = row;
    const message = await messageOf(() => startWith({ ...GOOD, [option]: value }));
    expect(message).toMatch(new RegExp(`^${path.replace('.', '\\.')} must be `));
    expect(message).toContain(accepted);
  });

  test('a member is asserted in each of several issuers', async () => {
    const accessToken = [GOOD.accessToken, { issuer: 'https://b.example.com', audience: '' }];
    expect(await messageOf(() => startWith({ ...GOOD, accessToken }))).toMatch(
      /^accessToken\[1\]\.audience must be /,
    );
  });

  const unknownNames = NESTED.flatMap(([option, inner, [values, known]]) =>
    values.map(
      (extra) =>
        [option, { ...inner, ...(extra as Untyped) }, Object.keys(extra as Untyped)[0], known] as const,
    ),
  );

  test.each(unknownNames)('%s: an unknown name is refused, and the known are told', async (...row) => {
    const [option, value, name, known] = row;
    const message = await messageOf(() => startWith({ ...GOOD, [option]: value }));
    expect(message).toMatch(new RegExp(`^${option} has no option "${name}"`));
    expect(message).toContain(known);
  });

  test.each(['orgin', 'nonces', 'audience', 'constructor'])(
    'an unknown name, %s, is refused',
    async (name) => {
      const message = await messageOf(() => startWith({ ...GOOD, [name]: 'x' }));
      expect(message).toContain(`has no option "${name}"; known: `);
      expect(message).toContain('origin');
    },
  );

  test.each([[undefined], [null], ['options'], [42], [[]]])(
    '%p in the place of the options',
    async (options) => {
      expect(await messageOf(() => startWith(options))).toMatch(/DpopModule.* must be .*object/);
    },
  );

  test('accessToken: two issuers of one name, or two verifiers of the app', async () => {
    const twice = { ...GOOD, accessToken: [GOOD.accessToken, { ...GOOD.accessToken, audience: 'b' }] };
    expect(await messageOf(() => startWith(twice))).toMatch(/^accessToken must be .*each issuer once/);
    const verifiers = { ...GOOD, accessToken: [new OwnVerifier(), new OwnVerifier()] };
    expect(await messageOf(() => startWith(verifiers))).toMatch(/^accessToken must be .*at most one/);
  });

  test('accessToken.keys: a private or symmetric key does not belong there, and is not quoted (C7)', async () => {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true });
    const privateJwk = await exportJWK(privateKey);
    const symmetric: JWK = { kty: 'oct', k: secret32 };
    for (const key of [privateJwk, symmetric]) {
      const message = await messageOf(() =>
        startWith({ ...GOOD, accessToken: { ...GOOD.accessToken, keys: { keys: [key] } } }),
      );
      expect(message).toMatch(/^accessToken\.keys must be .*public/);
      expect(message).not.toContain(key.d ?? key.k);
    }
  });

  test('nonce.secret that is too short is not quoted (E5)', async () => {
    const message = await messageOf(() =>
      startWith({ ...GOOD, nonce: { mode: 'required', secret: secret31 } }),
    );
    expect(message).not.toContain(secret31);
  });
});
