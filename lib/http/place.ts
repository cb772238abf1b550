/** The route of a request, in names of the app. Contains nothing that the client sent. */
export interface RouteName {
  /** The pattern of the route, `/accounts/:id`, or the path of the gateway, if there is one. */
  readonly route?: string | undefined;
  /** Class and method of the handler, `AccountsController.get`. */
  readonly handler?: string | undefined;
}

/** Called only if the name is needed. */
export type NameRoute = () => RouteName;

/** The route and the method of the request, see `knownMethod`. */
export interface Place extends RouteName {
  readonly method?: string | undefined;
}
