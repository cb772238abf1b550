import type { HandshakeRefusal } from '../handshake/handshake-outcome.js';
import type { Answer, ClientInfo, VerifyClient } from './ws-types.js';

/**
 * A `verifyClient` for ws: first the handshake is verified, then the app is asked.
 *
 * @param verify resolves to the refusal, if there is one
 * @param ofApp `verifyClient` of the gateway's options, with one parameter or with two
 * @param fail tells the operator of an error of the app, and makes the answer
 */
export function verifyBefore(
  verify: (info: ClientInfo) => Promise<HandshakeRefusal | undefined>,
  ofApp: unknown,
  fail: (info: ClientInfo, error: unknown) => HandshakeRefusal,
): VerifyClient {
  return (info, answer) => {
    const answerOnce = once(info, answer, fail);
    verify(info)
      .then((refusal) => {
        if (refusal !== undefined) refuse(answerOnce, refusal);
        else if (typeof ofApp !== 'function') answerOnce(true);
        else return askApp(ofApp as VerifyClient, info, answerOnce);
        return undefined;
      })
      .catch((error: unknown) => refuse(answerOnce, fail(info, error)))
      // The logger of the app may throw as well.
      .catch(() => info.req.socket.destroy());
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
function once(info: ClientInfo, answer: Answer, fail: (info: ClientInfo, error: unknown) => unknown): Answer {
  let isAnswered = false;
  return (...parts) => {
    if (isAnswered) return;
    isAnswered = true;
    try {
      answer(...parts);
    } catch (error) {
      info.req.socket.destroy();
      fail(info, error);
    }
  };
}

function refuse(answer: Answer, { status, body, headers }: HandshakeRefusal): void {
  answer(false, status, body, headers);
}
