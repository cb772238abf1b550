/** A server that listens on loopback. */
export interface Running {
  readonly url: string;
  close(): Promise<void>;
}
