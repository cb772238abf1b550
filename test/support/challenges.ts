/** One challenge of a `WWW-Authenticate` field. Names of parameters in lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const TOKEN = "[!#$%&'*+\\-.^_`|~\\dA-Za-z]+";
const SCHEME = new RegExp(`(${TOKEN})(?= |,|$) *`, 'y');
const PARAMETER = new RegExp(`(${TOKEN})=(?:"((?:[^"\\\\]|\\\\.)*)"|(${TOKEN}))`, 'y');
const SEPARATOR = / *, */y;

/**
 * The challenges in order, read as strictly as RFC 9110 §11.6.1 writes them.
 *
 * @throws SyntaxError for what is none, or names a parameter twice
 */
export function parseChallenges(value: string): readonly Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(value);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  do {
    const parameter = take(PARAMETER);
    const scheme = parameter === null ? take(SCHEME)?.[1] : undefined;
    if (scheme !== undefined) challenges.push({ scheme, parameters: {} });
    const [, name, quoted, token] = parameter ?? (scheme === undefined ? [] : (take(PARAMETER) ?? []));
    const parameters = challenges.at(-1)?.parameters;
    if (name !== undefined) {
      const key = name.toLowerCase();
      if (parameters === undefined || key in parameters) throw malformed(value);
      parameters[key] = quoted?.replace(/\\(.)/g, '$1') ?? token ?? '';
    } else if (scheme === undefined) throw malformed(value);
  } while (take(SEPARATOR) !== null);
  if (at !== value.length) throw malformed(value);
  return challenges;
}

function malformed(value: string): SyntaxError {
  return new SyntaxError(`not a list of challenges: ${value}`);
}
