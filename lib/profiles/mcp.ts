import type { DpopModuleOptions, ProofOptions } from '../config/dpop-options.js';
import { assertInteger, assertObject, fail } from '../errors/option-asserts.js';
import { isObject } from '../http/is-object.js';

/** How far `iat` of a proof may be from the clock of the server, in both directions. */
const WINDOW_SECONDS = 300;

/**
 * Limits the options of `DpopModule` to what the Model Context Protocol asks of a server whose tokens are bound by DPoP: a
 * query or fragment in `htu` is refused, and `iat` may be up to 300 seconds old or ahead. The protected resource metadata,
 * which MCP requires, are served unless the options say otherwise. It leaves all else alone.
 *
 * @returns frozen options for `forRoot`, or for the factory of `forRootAsync`
 * @throws TypeError for an option that asks for more
 * @see the authorization specification of the Model Context Protocol, and its extension for DPoP
 */
export function mcp(options: DpopModuleOptions): DpopModuleOptions {
  assertObject(options, 'mcp()', 'given an object, the options of DpopModule');
  const { proof = {}, nonce, metadata = {} } = options;
  if (isObject(nonce) && nonce['freshness'] === 'nonce') {
    fail('mcp() nonce.freshness', `"iat" or left out: MCP limits iat to ${WINDOW_SECONDS} seconds`, {
      value: 'nonce',
    });
  }
  return Object.freeze({ ...options, proof: limitProof(proof), metadata });
}

function limitProof(proof: ProofOptions): ProofOptions {
  // The module knows what else is wrong with it.
  if (!isObject(proof)) return proof;
  const { queryInHtu = 'reject' } = proof;
  if (queryInHtu !== 'reject') {
    fail('mcp() proof.queryInHtu', '"reject" or left out: MCP takes no htu with a query', {
      value: queryInHtu,
    });
  }
  const { maxAgeSeconds = WINDOW_SECONDS, futureToleranceSeconds = WINDOW_SECONDS } = proof;
  assertInteger(maxAgeSeconds, 'mcp() proof.maxAgeSeconds', 1, WINDOW_SECONDS);
  assertInteger(futureToleranceSeconds, 'mcp() proof.futureToleranceSeconds', 0, WINDOW_SECONDS);
  return Object.freeze({ ...proof, queryInHtu, maxAgeSeconds, futureToleranceSeconds });
}
