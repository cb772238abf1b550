import type { TestIssuer } from 'nestjs-dpop/testing';
import { measureInRounds, medianOfRounds, mediansOf, type RoundOptions } from '../rounds.js';
import { expressJwtBearerSide, oauth4webapiSide, type Requests } from './peers.js';
import { ProtectedService } from './protected-service.js';

const OURS = 'nestjs-dpop';

interface AgainstPeers {
  readonly medians: Readonly<Record<string, number>>;
  /** The cost of a request, in relation to the faster peer. */
  readonly oursToFaster: number;
}

/** Measures the same requests with this library and with both peers. */
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
