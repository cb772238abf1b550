import type { DpopModuleOptions, NonceOptions, ProofOptions } from '../../lib/index.js';
import { type RedisSource, RedisStorage, type RedisStorageOptions } from '../../lib/redis/index.js';
import { TestClient, TestIssuer } from '../../lib/testing/index.js';
import type { Platform } from '../support/platforms.js';
import { type RecordingApp, startRecordingApp } from '../support/recording-app.js';
import { type Answer, type Member, ORIGIN, send, type SignedRequest } from './party.js';

export interface ClockedInstanceOptions {
  readonly source: RedisSource;
  readonly platform?: Platform;
  readonly proof?: ProofOptions;
  readonly nonce?: NonceOptions;
  readonly storage?: RedisStorageOptions;
}

export const REPLAYED = 'The DPoP proof was used before';
export const RENEW = 'Resource server requires a new nonce in DPoP proof';

/** Instances of one service and a client of theirs, whose time a test holds in its hand. */
export class ClockedFleet {
  nowSeconds = Math.floor(Date.now() / 1000);
  readonly #clock = () => this.nowSeconds * 1000;
  readonly #apps: RecordingApp[] = [];
  #issuer: TestIssuer | undefined;
  #member: Member | undefined;

  static async create(): Promise<ClockedFleet> {
    const fleet = new ClockedFleet();
    const clock = fleet.#clock;
    fleet.#issuer = await TestIssuer.create({ clock });
    const client = await TestClient.create({ clock });
    const token = await fleet.#issuer.issueToken({ client, expiresInSeconds: 100_000 });
    fleet.#member = { client, token };
    return fleet;
  }

  async join({
    source,
    platform = 'express',
    proof,
    nonce,
    storage,
  }: ClockedInstanceOptions): Promise<RecordingApp> {
    const clock = this.#clock;
    const dpop: DpopModuleOptions = {
      origin: ORIGIN,
      accessToken: this.#issuer?.accessToken ?? [],
      storage: new RedisStorage(source, { clock, deadlineMs: 10_000, ...storage }),
      clock,
      ...(proof !== undefined && { proof }),
      ...(nonce !== undefined && { nonce }),
    };
    const app = await startRecordingApp(platform, { dpop });
    this.#apps.push(app);
    return app;
  }

  /** Headers of a request with a new proof. */
  async sign(nonce?: string, path = '/transfers'): Promise<SignedRequest> {
    const { client, token } = this.#member ?? {};
    if (client === undefined || token === undefined) throw new Error('nobody is there');
    const url = `${ORIGIN}${path}`;
    return await client.createHeaders({ method: 'POST', url, token, ...(nonce !== undefined && { nonce }) });
  }

  /** A proof that this instance accepts now, which is used by that. */
  async use(app: RecordingApp): Promise<SignedRequest> {
    const request = await this.sign(await this.nonceOf(app));
    const { status } = await send(`${app.url}/transfers`, request);
    if (status !== 200) throw new Error(`a good request was answered ${status}`);
    return request;
  }

  async nonceOf({ url }: RecordingApp): Promise<string | undefined> {
    return (await send(`${url}/nonce`, await this.sign(undefined, '/nonce'))).nonce;
  }

  /** Sends captured requests again to each instance; what is refused has not reached the handler. */
  async replay(requests: readonly SignedRequest[]): Promise<readonly Answer[]> {
    const answers: Answer[] = [];
    const before = this.#handled;
    for (const app of this.#apps) {
      for (const request of requests) answers.push(await send(`${app.url}/transfers`, request));
    }
    const accepted = answers.filter(({ status }) => status === 200).length;
    if (this.#handled - before !== accepted) throw new Error('a refused request has reached the handler');
    return answers;
  }

  /** How a client that follows §8 is answered by one instance after the other, at its first try or after one retry. */
  async serve(app: RecordingApp, other = app): Promise<Answer> {
    const first = await send(`${app.url}/transfers`, await this.sign());
    if (first.nonce === undefined) return first;
    return await send(`${other.url}/transfers`, await this.sign(first.nonce));
  }

  async close(): Promise<void> {
    for (const app of this.#apps.splice(0)) await app.close();
  }

  get #handled(): number {
    return this.#apps.reduce((sum, { calls }) => sum + calls.length, 0);
  }
}
