/** One challenge of `WWW-Authenticate`. Scheme as sent, names of parameters in lower case. */
export interface ReceivedChallenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const TOKEN = "[!#$%&'*+\\-.^_`|~\\dA-Za-z]+";
/** A parameter, or a scheme: what follows a comma may be either (RFC 9110 §11.6.1). */
const ITEM = new RegExp(
  `(${TOKEN})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${TOKEN}))|(${TOKEN})(?=\\s|,|$)`,
  'g',
);

/** Reads challenges as leniently as a client must, since servers differ in their commas and quotes. */
export function readChallenges(value: string): readonly ReceivedChallenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  for (const [, name, quoted, token, scheme] of value.matchAll(ITEM)) {
    if (scheme !== undefined) challenges.push({ scheme, parameters: new Map() });
    else if (name !== undefined)
      challenges.at(-1)?.parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? token ?? '');
  }
  return challenges;
}

/** The challenge of the scheme `DPoP`. */
export function findDpopChallenge(challenges: readonly ReceivedChallenge[]): ReceivedChallenge | undefined {
  return challenges.find(({ scheme }) => scheme.toLowerCase() === 'dpop');
}

/** The first challenge that has an error, of any scheme; servers disagree about which one has it. */
export function findError(challenges: readonly ReceivedChallenge[]): ReceivedChallenge | undefined {
  return challenges.find(({ parameters }) => parameters.has('error'));
}
