/** Which route a request came to, in the app's own words. Holds nothing that the client sent. */
export interface RouteName {
  /** The pattern under which the framework has the route, `/accounts/:id`; undefined where there is none. */
  readonly route?: string | undefined;
  /** Class and method of the handler, `AccountsController.get`. */
  readonly handler?: string | undefined;
}

/** Called only when the name is needed. */
export type NameRoute = () => RouteName;

/** The route, and the method of the request: a known one, or `other`. */
export interface Place extends RouteName {
  readonly method?: string | undefined;
}
