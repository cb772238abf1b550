import { TestClient, TestIssuer } from '../../lib/testing/index.js';

/** What clients of the tests sign, wherever they send it. */
export const ORIGIN = 'https://api.example.com';

export interface Member {
  readonly client: TestClient;
  readonly token: string;
}

/** An issuer, and clients that hold tokens bound to their keys. */
export class Party {
  private constructor(
    readonly issuer: TestIssuer,
    readonly members: readonly [Member, ...Member[]],
  ) {}

  static async gather(size: number): Promise<Party> {
    const issuer = await TestIssuer.create();
    const invite = async (): Promise<Member> => {
      const client = await TestClient.create();
      return { client, token: await issuer.issueToken({ client, expiresInSeconds: 3600 }) };
    };
    return new Party(issuer, [
      await invite(),
      ...(await Promise.all(Array.from({ length: size - 1 }, invite))),
    ]);
  }
}

/** The headers of one request, to be sent as often as one likes. */
export type SignedRequest = Readonly<Record<string, string>>;

export interface Answer {
  readonly status: number;
  /** `message` of the body: what the client is told. */
  readonly message: string | undefined;
  readonly nonce: string | undefined;
}

/** Headers of a `POST`. */
export async function sign(
  { client, token }: Member,
  nonce: string | undefined,
  path = '/transfers',
): Promise<SignedRequest> {
  const url = `${ORIGIN}${path}`;
  return await client.createHeaders({ method: 'POST', url, token, ...(nonce !== undefined && { nonce }) });
}

export async function send(url: string, headers: SignedRequest): Promise<Answer> {
  const response = await fetch(url, { method: 'POST', headers });
  const { message } = (await response.json()) as { message?: string };
  return { status: response.status, message, nonce: response.headers.get('dpop-nonce') ?? undefined };
}
