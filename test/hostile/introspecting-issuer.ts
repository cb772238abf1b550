import { introspection } from '../../lib/introspection/index.js';
import type { AccessTokenVerifier } from '../../lib/index.js';
import { AUDIENCE, clock, ISSUER } from './baseline.js';

interface Answer {
  readonly status?: number;
  readonly type?: string;
  readonly text?: string;
  readonly bytes?: number;
}

/**
 * An issuer whose endpoint answers with the claims of the token, as active ones. Two of them are for it alone: `response`
 * overrides members, and `reply` says how they are sent.
 */
export function createIntrospectingIssuer(): AccessTokenVerifier {
  return introspection({
    accessToken: {
      issuer: ISSUER,
      audience: AUDIENCE,
      fetch: (_url, { body }) =>
        Promise.resolve(answerOf(body instanceof URLSearchParams ? body : undefined)),
    },
    endpoint: `${ISSUER}/introspect`,
    client: { id: 'api', secret: 'secret' },
    clock: () => clock.nowMs,
  });
}

function answerOf(body: URLSearchParams | undefined): Response {
  const [, payload = ''] = body?.get('token')?.split('.') ?? [];
  const { response, reply, ...claims } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as {
    readonly response?: object;
    readonly reply?: Answer;
  };
  const { status = 200, type = 'application/json', text, bytes } = reply ?? {};
  const told = JSON.stringify({ active: true, token_type: 'DPoP', ...claims, ...response });
  return new Response(text ?? (bytes === undefined ? told : told.padEnd(bytes)), {
    status,
    headers: { 'content-type': type },
  });
}
