import { expect } from '@jest/globals';
import { observeDecisions } from '../support/observe-decisions.js';
import type { Platform } from '../support/platforms.js';
import { type RawResponse, sendRaw } from '../support/raw-request.js';
import type { RecordingApp } from '../support/recording-app.js';
import { clock, createBaseline, NOW_MS } from './baseline.js';
import { applyChanges, type Change, type ChangeContext, type Nonces, path, proofClaims } from './changes.js';
import { type Configuration, CONFIGURATIONS, type ConfigurationName } from './configurations.js';
import { assemble, type Draft, RIGHT_JWS, type Sent } from './draft.js';
import { assertNothingReflected, assertReported, noncesOf } from './expectations.js';
import { type Json, thumbprintOf } from './keys.js';
import { accepted, type Accepted, type Expected, type Row } from './row.js';
import { RESOURCE_SERVER, type ServiceKind } from './service-kind.js';

const NONCE_WINDOW_MS = 120_000;

/** One app under test, which plays the rows of its configuration. */
export class Service {
  private constructor(
    private readonly kind: ServiceKind,
    private readonly app: RecordingApp,
    private readonly configuration: Configuration,
    private readonly nonces: Nonces,
    private readonly reports: boolean,
  ) {}

  /** @param enforcement `report` starts a service that must let every request through, and tell why it should not have */
  static async start(
    platform: Platform,
    name: ConfigurationName,
    enforcement: 'enforce' | 'report' = 'enforce',
    kind: ServiceKind = RESOURCE_SERVER,
  ): Promise<Service> {
    const named = CONFIGURATIONS[name]();
    const configuration = { ...named, dpop: { ...named.dpop, enforcement } };
    const app = await kind.start(platform, configuration);
    const foreign = await nonceOfAnother(platform, 'realm', RESOURCE_SERVER);
    const twin =
      configuration.twin === undefined ? foreign : await nonceOfAnother(platform, configuration.twin, kind);
    const nonces = { ...(await collectNonces(app, configuration, kind)), foreign, twin };
    return new Service(kind, app, configuration, nonces, enforcement === 'report');
  }

  /** The valid request that every row starts from: 200, and the handler ran. */
  async assertBaseline(from: readonly Change[] = [], expected: Accepted = accepted): Promise<void> {
    await this.#sendAndAssert(this.#draft(from, this.#context(undefined)), expected);
  }

  /** As in the beginning, after whatever came in between. */
  async assertAlive(): Promise<void> {
    await at(this.configuration.recoversAfterSeconds ?? 0, () => this.assertBaseline());
  }

  async play(row: Row): Promise<void> {
    const { from, fromScheme, after, laterSeconds, change } = row;
    const expected = (this.app.platform === 'fastify' ? row.expectOnFastify : undefined) ?? row.expect;
    if (from !== undefined) await this.assertBaseline(from, { ...accepted, scheme: fromScheme ?? 'DPoP' });
    const valid = from ?? [];
    const prior =
      after === undefined
        ? undefined
        : await this.#sendAndAssert(
            this.#draft([...valid, ...(after.change ?? [])], this.#context(undefined)),
            after.expect ?? accepted,
          );
    const draft = this.#draft([...valid, ...change], this.#context(prior));
    await at(laterSeconds ?? 0, () => this.#sendAndAssert(draft, expected));
  }

  close(): Promise<void> {
    return this.app.close();
  }

  #context(prior: Sent | undefined): ChangeContext {
    return { port: this.app.port, nonces: this.nonces, prior };
  }

  #draft(changes: readonly Change[], context: ChangeContext): Draft {
    const baseline = [...this.kind.baseline, ...(this.configuration.baseline ?? [])];
    return applyChanges(createBaseline(), [...baseline, ...changes], context);
  }

  async #sendAndAssert(draft: Draft, expected: Expected): Promise<Sent> {
    const sent = assemble(draft);
    if (this.reports) return await this.#sendAndAssertReport(sent, expected);
    const response = await this.#send(sent, expected);
    const [nonce] = [400, 401].includes(response.status) ? noncesOf(response) : [];
    if (nonce !== undefined) await this.#assertRetry(draft, sent, nonce);
    return sent;
  }

  /** K1: the request reaches its handler, which sees that nothing is verified, and the operator is told the reason. */
  async #sendAndAssertReport(sent: Sent, expected: Expected): Promise<Sent> {
    if (expected.kind === 'accepted' || expected.kind === 'refused by server') {
      await this.#send(sent, expected);
      return sent;
    }
    const before = this.app.calls.length;
    let response: RawResponse | undefined;
    const decisions = await observeDecisions(async () => {
      response = await sendRaw(this.app.port, sent.request);
    });
    assertReported(response, sent, decisions, expected);
    const calls = this.app.calls.slice(before).map(({ scheme, jkt }) => ({ scheme, jkt }));
    expect(calls).toEqual([{ scheme: 'Bearer', jkt: undefined }]);
    return sent;
  }

  /** E2: one retry succeeds. It has the same `jti`, for what was refused is not spent. */
  async #assertRetry(draft: Draft, { token }: Sent, nonce: string): Promise<void> {
    const { compact } = RIGHT_JWS;
    const retry = {
      ...draft,
      token: { ...draft.token, compact: () => token },
      proof: { ...draft.proof, compact, claims: { ...draft.proof.claims, nonce } },
    };
    await this.#send(assemble(retry), accepted);
  }

  async #send(sent: Sent, expected: Expected): Promise<RawResponse> {
    const before = this.app.calls.length;
    const response = await sendRaw(this.app.port, sent.request);
    const calls = this.app.calls.slice(before).map(({ scheme, jkt }) => ({ scheme, jkt }));
    assertNothingReflected(response, sent);
    if (expected.kind === 'refused') this.kind.assertRefused(response, expected, this.configuration);
    if (expected.kind === 'unavailable') this.kind.assertUnavailable(response);
    if (expected.kind === 'refused by server') expect(response.status).toBe(expected.status);
    if (expected.kind === 'accepted')
      this.kind.assertAccepted(response, expected.freshNonce, this.configuration);
    // The handler ran once and for the right client, or it did not run.
    expect(calls).toEqual(expected.kind === 'accepted' ? [callOf(sent, expected)] : []);
    return response;
  }
}

function callOf({ proof, request }: Sent, { scheme }: Accepted): { scheme: string; jkt: string | undefined } {
  if (scheme === 'Bearer') return { scheme, jkt: undefined };
  // An authorization server may do without a proof.
  if (!request.fields?.some(([name, value]) => name.toLowerCase() === 'dpop' && value !== ''))
    return { scheme, jkt: undefined };
  const { jwk } = JSON.parse(Buffer.from(proof.split('.')[0] ?? '', 'base64url').toString()) as { jwk: Json };
  return { scheme, jkt: thumbprintOf(jwk) };
}

async function at<T>(laterSeconds: number, action: () => Promise<T>): Promise<T> {
  clock.nowMs = NOW_MS + laterSeconds * 1000;
  try {
    return await action();
  } finally {
    clock.nowMs = NOW_MS;
  }
}

/** What a client gets who asks at different times, all of them over HTTP. */
async function collectNonces(
  app: RecordingApp,
  configuration: Configuration,
  kind: ServiceKind,
): Promise<Omit<Nonces, 'foreign' | 'twin'>> {
  const inWindow = (offset: number) =>
    at((offset * NONCE_WINDOW_MS) / 1000, () => askForNonce(app, configuration, kind));
  return {
    present: await inWindow(0),
    previous: await inWindow(-1),
    next: await inWindow(1),
    expired: await inWindow(-2),
    premature: await inWindow(2),
  };
}

/** `/nonce` asks for one whatever the service does. */
async function askForNonce(
  app: RecordingApp,
  { baseline = [] }: Configuration,
  kind: ServiceKind,
): Promise<string> {
  const none = { present: '', previous: '', next: '', expired: '', premature: '', foreign: '', twin: '' };
  const context = { port: app.port, nonces: none, prior: undefined };
  const changes = [...kind.baseline, ...baseline, path('/nonce'), proofClaims({ nonce: undefined })];
  const { request } = assemble(applyChanges(createBaseline(), changes, context));
  const [nonce] = noncesOf(await sendRaw(app.port, request));
  if (nonce === undefined) throw new Error('the service handed out no nonce');
  return nonce;
}

/** A present nonce of another app: of the other service, or of another process of the same one. */
async function nonceOfAnother(
  platform: Platform,
  name: ConfigurationName,
  kind: ServiceKind,
): Promise<string> {
  const configuration = CONFIGURATIONS[name]();
  const app = await kind.start(platform, configuration);
  try {
    return await askForNonce(app, configuration, kind);
  } finally {
    await app.close();
  }
}
