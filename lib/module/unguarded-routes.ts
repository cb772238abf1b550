import type { ProofRouteSurvey } from './proof-route-survey.js';
import type { RouteSurvey } from './route-survey.js';

/** For an app with both servers: `DpopProofGuard` on a resource would open it to each client with a key of its own. */
const WHICH_GUARD =
  'DpopGuard is for resources: it verifies the access token and its key. DpopProofGuard is only for endpoints that take no access token, such as a token endpoint: it lets any key in';

/**
 * What is wrong with the handlers of resources that no guard protects, one sentence a kind.
 *
 * @param hasAuthorizationServer whether `DpopProofGuard` may be what a handler lacks
 */
export function describeUnguarded(
  { unguarded, withoutToken, unguardedMessages, hooks }: RouteSurvey,
  hasAuthorizationServer: boolean,
): string[] {
  const texts: string[] = [];
  if (unguarded.length > 0) {
    texts.push(
      `No DpopGuard covers these handlers, and their decorators enforce nothing: ${unguarded.join(', ')}. ` +
        'Add @UseGuards(DpopGuard) to the handler or its class, or { provide: APP_GUARD, useExisting: DpopGuard } to the providers of a module. ' +
        'Beside HTTP, handlers of messages and tools of MCP need @UseGuards, because global guards reach them only with inheritAppConfig: true' +
        (hasAuthorizationServer ? `. ${WHICH_GUARD}` : ''),
    );
  }
  if (withoutToken.length > 0) {
    texts.push(
      `DpopProofGuard verifies no access token, and these decorators need one: ${withoutToken.join(', ')}. ` +
        'A resource needs @UseGuards(DpopGuard) instead. On an endpoint of the authorization server remove them: @DpopBound() without a key hands over the key of the proof',
    );
  }
  if (unguardedMessages.length > 0) {
    texts.push(
      `No DpopGuard covers these messages of gateways, and their decorators enforce nothing: ${unguardedMessages.join(', ')}. ` +
        'Add @UseGuards(DpopGuard) to the handler or its class: Nest 11 runs no global guard for messages. ' +
        'What a class requires, the adapters nestjs-dpop/platform-ws and nestjs-dpop/platform-socket.io also verify at the handshake',
    );
  }
  if (hooks.length > 0) {
    texts.push(
      `Nest runs no guard for these hooks of gateways, and their decorators enforce nothing: ${hooks.join(', ')}. ` +
        'Move the decorators to the class, and use the adapter of nestjs-dpop/platform-ws or nestjs-dpop/platform-socket.io, which verifies at the handshake',
    );
  }
  return texts;
}

/** What is wrong with the endpoints that no `DpopProofGuard` protects, in an app without an authorization server. */
export function describeUnenforcedProofs({ unenforced }: ProofRouteSurvey): readonly string[] {
  if (unenforced.length === 0) return [];
  return [
    `Only DpopProofGuard enforces @DpopProof, and it does not cover these handlers: ${unenforced.join(', ')}. ` +
      'Use @Dpop on a resource. An endpoint of an authorization server needs DpopAuthorizationServerModule and @UseGuards(DpopProofGuard)',
  ];
}

/** What is wrong with the endpoints of an authorization server that have decorators of the wrong kind, or no guard. */
export function describeUnguardedEndpoints(
  { unguarded }: ProofRouteSurvey,
  resources: RouteSurvey | undefined,
): readonly string[] {
  const texts: string[] = [];
  const { withoutToken = [], unguardedMessages = [], hooks = [] } = resources ?? {};
  const ofResources = [...withoutToken, ...unguardedMessages, ...hooks];
  if (ofResources.length > 0) {
    texts.push(
      `Only DpopGuard enforces these decorators, and an app without DpopModule does not have it: ${ofResources.join(', ')}. ` +
        'Import DpopModule.forRoot, and add @UseGuards(DpopGuard) to a resource. Remove them from an endpoint of the authorization server: it takes no access token',
    );
  }
  if (unguarded.length > 0) {
    texts.push(
      `No guard covers these handlers, and their decorators enforce nothing: ${unguarded.join(', ')}. ` +
        (resources === undefined
          ? `Add @UseGuards with the right guard. ${WHICH_GUARD}`
          : 'Add @UseGuards(DpopProofGuard)'),
    );
  }
  return texts;
}
