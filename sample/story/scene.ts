/** How a request ends: its status and, if it is refused, the `code` in the body. */
export interface Outcome {
  readonly status: number;
  readonly code?: string;
}

/** The part of an answer that shows the outcome. */
export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The description of a scene. */
export interface Script {
  readonly title: string;
  /** Why the requests end like this. */
  readonly why: string;
  /** The outcome of each request, in order. */
  readonly expected: readonly Outcome[];
}

export interface Scene<Cast> extends Script {
  play(cast: Cast): Promise<void>;
}

/** The result of a scene. */
export interface PlayedScene<Exchange extends Answer = Answer> {
  readonly scene: Script;
  readonly exchanges: readonly Exchange[];
  /** Why the scene ended early. */
  readonly failure: string | undefined;
  readonly isAsExpected: boolean;
}

/** Records requests and answers. */
export interface Recorder<Exchange extends Answer> {
  /** Returns the exchanges since the last call. */
  takeExchanges(): readonly Exchange[];
}

/** Plays one scene, and compares the outcomes with the expected ones. */
export async function playScene<Exchange extends Answer, Cast>(
  scene: Scene<Cast>,
  cast: Cast & { readonly wire: Recorder<Exchange> },
): Promise<PlayedScene<Exchange>> {
  let failure: string | undefined;
  try {
    await scene.play(cast);
  } catch (error) {
    failure = String(error);
  }
  const exchanges = cast.wire.takeExchanges();
  const outcomes = exchanges.map((exchange) => formatOutcome(outcomeOf(exchange)));
  const expected = scene.expected.map(formatOutcome);
  const isAsExpected =
    failure === undefined &&
    outcomes.length === expected.length &&
    outcomes.every((outcome, index) => outcome === expected[index]);
  return { scene, exchanges, failure, isAsExpected };
}

export function outcomeOf({ status, body }: Answer): Outcome {
  return typeof body.code === 'string' ? { status, code: body.code } : { status };
}

/** `200, 3 × 401 invalid_token` */
export function formatOutcomes(outcomes: readonly Outcome[]): string {
  const runs: { readonly text: string; times: number }[] = [];
  for (const text of outcomes.map(formatOutcome)) {
    const run = runs.at(-1);
    if (run?.text === text) run.times += 1;
    else runs.push({ text, times: 1 });
  }
  return runs.map(({ text, times }) => (times === 1 ? text : `${times} × ${text}`)).join(', ');
}

/** `401 invalid_token` */
export function formatOutcome({ status, code }: Outcome): string {
  return code === undefined ? String(status) : `${status} ${code}`;
}
