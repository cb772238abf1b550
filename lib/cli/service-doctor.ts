import { isSecureBaseUrl, normalizeBaseUrl } from '../http/base-url.js';
import { isJsonObject, type JsonObject } from '../jws/json-object.js';
import { findDpopChallenge, readChallenges } from './challenge-reader.js';
import { isLoopback, LOOPBACK_ORIGINS } from './loopback.js';
import { UnreachableError } from './outcome.js';
import { type Diagnosis, diagnoseClock, good, list, note, problem } from './diagnosis.js';
import { show } from './finding.js';
import { type Answer, send } from './outgoing.js';
import { htuOf } from './proof-maker.js';

export interface ServiceReport {
  readonly isReachable: boolean;
  readonly diagnoses: readonly Diagnosis[];
  /** The algorithms of proofs that the challenge lists. */
  readonly algorithms: readonly string[];
  /** The issuers that the metadata of the service names. */
  readonly issuers: readonly string[];
}

/** Looks at a service as a client without credentials sees it. */
export async function examineService(url: URL): Promise<ServiceReport> {
  let answer: Answer;
  try {
    answer = await send(url, { method: 'GET', headers: { accept: 'application/json' } });
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    const diagnosis = problem(
      error.message,
      'start the service, and compare host, port and certificate with the URL',
    );
    return { isReachable: false, diagnoses: [diagnosis], algorithms: [], issuers: [] };
  }
  const challenges = readChallenges(answer.headers.get('www-authenticate') ?? '');
  const parameters = findDpopChallenge(challenges)?.parameters;
  const metadata = await examineMetadata(url, parameters?.get('resource_metadata'));
  return {
    isReachable: true,
    diagnoses: [
      diagnoseTransport(url),
      good(`clients sign htu ${htuOf(url)}, without query and fragment`),
      diagnoseStatus(answer, parameters !== undefined),
      ...diagnoseChallenges(
        challenges.map(({ scheme }) => scheme.toLowerCase()),
        parameters,
      ),
      ...metadata.diagnoses,
      diagnoseClock('the service', answer.clockAheadSeconds),
    ],
    algorithms: parameters?.get('algs')?.split(' ') ?? [],
    issuers: metadata.issuers,
  };
}

function diagnoseTransport({ origin, protocol }: URL): Diagnosis {
  if (protocol === 'https:') return good('the service is called by https');
  if (isSecureBaseUrl(origin))
    return note('the service is called by http on this machine, which is for development');
  return problem(
    `${origin} is plain http: an eavesdropper reads tokens and answers`,
    'serve it by https (RFC 9449 §2)',
  );
}

function diagnoseStatus({ status, headers }: Answer, isChallenged: boolean): Diagnosis {
  if (status === 401 && isChallenged)
    return good('a request without credentials gets 401 and a DPoP challenge');
  if (status === 401)
    return problem(
      '401 without a DPoP challenge: clients cannot know that the service wants a proof',
      'bind DpopGuard to the route; look for another guard, or a proxy that removes WWW-Authenticate',
    );
  if (status >= 300 && status < 400)
    return problem(
      `the service redirects to ${show(headers.get('location') ?? 'another URL')}: a proof is for one URL, and would be refused there`,
      'let clients call that URL, or make the redirect a rewrite',
    );
  if (status === 404)
    return note('404: there is no such path', 'call doctor with the URL of a guarded route');
  if (status < 300)
    return problem(
      `${status}: the route answers without credentials`,
      'bind DpopGuard to the route, or call doctor with the URL of a guarded one',
    );
  return problem(`status ${status} instead of 401`, 'read the log of the service');
}

function diagnoseChallenges(
  schemes: readonly string[],
  parameters: ReadonlyMap<string, string> | undefined,
): readonly Diagnosis[] {
  if (parameters === undefined) return [];
  const algs = parameters.get('algs');
  return [
    algs === undefined
      ? note('the challenge lists no algorithms (algs)', 'clients then guess; RFC 9449 §7.1 advises algs')
      : good(`the challenge lists the algorithms ${show(algs)}`),
    ...(schemes.includes('bearer')
      ? [
          note(
            'the service accepts Bearer tokens as well',
            "set bearer: 'reject' when all clients send proofs",
          ),
        ]
      : []),
  ];
}

interface MetadataReport {
  readonly diagnoses: readonly Diagnosis[];
  readonly issuers: readonly string[];
}

/** RFC 9728. */
async function examineMetadata(url: URL, location: string | undefined): Promise<MetadataReport> {
  if (location === undefined || !URL.canParse(location))
    return {
      diagnoses: [
        note(
          'the challenge names no resource metadata',
          'set the option metadata, so that clients find the issuer',
        ),
      ],
      issuers: [],
    };
  const document = await fetchMetadata(new URL(location));
  if (document === undefined)
    return {
      diagnoses: [
        problem(
          `the resource metadata ${show(location)} cannot be read`,
          'serve it by the option metadata, and through the proxy',
        ),
      ],
      issuers: [],
    };
  const { resource, authorization_servers: named } = document;
  const issuers = Array.isArray(named) ? named.filter((issuer) => typeof issuer === 'string') : [];
  return {
    diagnoses: [
      good(`the resource metadata names the issuers ${issuers.length === 0 ? 'none' : list(issuers)}`),
      diagnoseResource(url, resource),
    ],
    issuers,
  };
}

/** The base URL of the metadata is what the service compares `htu` with. */
function diagnoseResource(url: URL, resource: unknown): Diagnosis {
  const baseUrl = typeof resource === 'string' ? normalizeBaseUrl(resource) : undefined;
  if (baseUrl === undefined)
    return problem('the resource metadata has no resource that is a URL', 'correct the option metadata');
  if (`${htuOf(url)}/`.startsWith(`${baseUrl}/`)) return good(`the service expects proofs for ${baseUrl}`);
  return problem(
    `the service expects proofs for ${show(baseUrl)}, and clients of this URL sign ${htuOf(url)}`,
    isLoopback(url)
      ? LOOPBACK_ORIGINS
      : 'set the option origin to the URL that clients call, or let clients call the other one',
  );
}

async function fetchMetadata(location: URL): Promise<JsonObject | undefined> {
  try {
    const { status, body } = await send(location, { headers: { accept: 'application/json' } });
    const document: unknown = status === 200 ? JSON.parse(Buffer.from(body).toString()) : undefined;
    return isJsonObject(document) ? document : undefined;
  } catch {
    return undefined;
  }
}
