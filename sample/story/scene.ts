/** How one request must end: its status and, where it is refused, the `code` in the body. */
export interface Outcome {
  readonly status: number;
  readonly code?: string;
}

/** The part of an answer that tells how the request ended. */
export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** What the audience is told of a scene. */
export interface Script {
  readonly title: string;
  /** What the answers of this scene show, in one sentence. */
  readonly why: string;
  /** How each request of the scene must end, in order. */
  readonly expected: readonly Outcome[];
}

export interface Scene<Cast> extends Script {
  play(cast: Cast): Promise<void>;
}

/** What became of a scene. */
export interface PlayedScene<Exchange extends Answer = Answer> {
  readonly scene: Script;
  readonly exchanges: readonly Exchange[];
  /** Why the scene could not be played to its end. */
  readonly failure: string | undefined;
  readonly endedAsItMust: boolean;
}

/** Where requests and answers are seen. */
export interface Recorder<Exchange extends Answer> {
  /** What went over the wire since the last time. */
  takeExchanges(): readonly Exchange[];
}

/** Plays one scene to its end, and compares what went over the wire with what must. */
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
  const answered = exchanges.map((exchange) => formatOutcome(outcomeOf(exchange)));
  const expected = scene.expected.map(formatOutcome);
  const endedAsItMust =
    failure === undefined &&
    answered.length === expected.length &&
    answered.every((answer, index) => answer === expected[index]);
  return { scene, exchanges, failure, endedAsItMust };
}

/** What was answered, in the form of what was expected. */
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
