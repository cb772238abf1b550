/** Stands for all clients without a label of their own. */
const OTHER_CLIENTS = '_other';

/** Gives the first clients a label each, and one label to all others, so that no number of clients makes more series. */
export class ClientLabels {
  readonly #clients = new Set<string>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  labelOf(clientId: string | undefined): string | undefined {
    if (clientId === undefined || this.#max === 0) return undefined;
    if (this.#clients.has(clientId)) return clientId;
    if (this.#clients.size >= this.#max) return OTHER_CLIENTS;
    this.#clients.add(clientId);
    return clientId;
  }
}
