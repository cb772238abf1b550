/** A request, as far as a proof is judged by it. */
export interface Presented {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly token: string;
  readonly proof: string;
}
