import { REGISTERED_CLIENT } from '../authorization-server/registered-client.js';
import { QuickstartClient } from '../client/quickstart-client.js';
import type { Stage } from '../stage.js';
import { type Cast, type Outcome, type Scene, SCENES } from './scenes.js';
import { Thief } from './thief.js';
import { type Exchange, Wire } from './wire.js';

/** What became of a scene. */
export interface PlayedScene {
  readonly scene: Scene;
  readonly exchanges: readonly Exchange[];
  /** Why the scene could not be played to its end. */
  readonly failure: string | undefined;
  readonly endedAsItMust: boolean;
}

/** Client, thief and tokens for one story. */
export async function gatherCast({ api, issuer }: Stage): Promise<Cast> {
  const wire = new Wire(api);
  const client = await QuickstartClient.create({
    issuer,
    api,
    credentials: REGISTERED_CLIENT,
    fetch: wire.fetchAsClient,
  });
  return {
    api,
    wire,
    client,
    thief: await Thief.create(wire, api),
    token: await client.fetchToken(),
    tokenWithScope: await client.fetchToken('statements:read'),
  };
}

/** Plays the scenes one after the other. */
export async function* playStory(cast: Cast): AsyncGenerator<PlayedScene, void, void> {
  for (const scene of SCENES) yield await playScene(scene, cast);
}

/** What was answered, in the form of what was expected. */
export function outcomeOf({ status, body }: Exchange): Outcome {
  return typeof body.code === 'string' ? { status, code: body.code } : { status };
}

/** `401 invalid_token` */
export function formatOutcome({ status, code }: Outcome): string {
  return code === undefined ? String(status) : `${status} ${code}`;
}

async function playScene(scene: Scene, cast: Cast): Promise<PlayedScene> {
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
