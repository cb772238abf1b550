import { Logger } from '@nestjs/common';
import type { HandshakeRefusal } from '../handshake/handshake-outcome.js';
import type { Answer, ClientInfo, VerifyClient } from './ws-types.js';

const logger = new Logger('DpopWsAdapter');

/**
 * A `verifyClient` for ws: first the handshake is verified, then the app is asked.
 *
 * @param verify resolves to the refusal, if there is one
 * @param ofApp `verifyClient` of the gateway's options, with one parameter or with two
 */
export function verifyBefore(
  verify: (info: ClientInfo) => Promise<HandshakeRefusal | undefined>,
  ofApp: unknown,
): VerifyClient {
  return (info, answer) => {
    const answerOnce = once(info, answer);
    verify(info)
      .then((refusal) => {
        if (refusal !== undefined) answerOnce(false, refusal.status, refusal.body, refusal.headers);
        else if (typeof ofApp !== 'function') answerOnce(true);
        else return askApp(ofApp as VerifyClient, info, answerOnce);
        return undefined;
      })
      .catch((error: unknown) => {
        logger.error(error);
        answerOnce(false, 500);
      });
  };
}

/** As ws asks it, except that the answer of a function with one parameter may be a promise. */
async function askApp(ofApp: VerifyClient, info: ClientInfo, answer: Answer): Promise<void> {
  if (ofApp.length === 2) ofApp(info, answer);
  else answer(Boolean(await (ofApp as (info: ClientInfo) => unknown)(info)));
}

/**
 * ws throws for a second answer, and listeners of the app may throw when the socket opens. Here no caller would catch it,
 * and the process would end.
 */
function once({ req }: ClientInfo, answer: Answer): Answer {
  let isAnswered = false;
  return (...parts) => {
    if (isAnswered) return;
    isAnswered = true;
    try {
      answer(...parts);
    } catch (error) {
      logger.error(error);
      req.socket.destroy();
    }
  };
}
