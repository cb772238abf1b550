import type { TestIssuer } from 'nestjs-dpop/testing';
import { measureInRounds, medianOfRounds, mediansOf, type RoundOptions } from '../rounds.js';
import { expressJwtBearerSide, oauth4webapiSide, type Requests } from './peers.js';
import { ProtectedService } from './protected-service.js';

const OURS = 'nestjs-dpop';

interface AgainstPeers {
  readonly medians: Readonly<Record<string, number>>;
  /** What a request costs here, as a ratio of what it costs the faster peer. */
  readonly oursToFaster: number;
}

/** The same kind of requests, verified by us and by both peers. */
export async function measureAgainstPeers(
  issuer: TestIssuer,
  requests: Requests,
  options: RoundOptions,
): Promise<AgainstPeers> {
  const service = await ProtectedService.start(issuer);
  const peers = [oauth4webapiSide(issuer, requests), expressJwtBearerSide(issuer, requests)];
  const samples = await measureInRounds([service.side(OURS, requests), ...peers], options);
  await service.close();
  const names = peers.map(({ name }) => name);
  return {
    medians: mediansOf(samples),
    oursToFaster: medianOfRounds(samples, [OURS, ...names], (ours, ...theirs) => ours / Math.min(...theirs)),
  };
}
