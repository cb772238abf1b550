import { setTimeout as pause } from 'node:timers/promises';
import { type Answer, type Member, send, sign, type SignedRequest } from './party.js';
import { until } from './until.js';

/** What a client does when it is told that the service is down. */
const BACK_OFF_MS = 10;
/** Of the proofs captured, as many are the most promising. */
const LATEST = 60;

/**
 * Clients that use the fleet as they should, each request on another instance, answering a demand for a nonce once; and
 * an attacker who reads all they send, and sends it again to every instance.
 */
export class Load {
  readonly #urls: readonly string[];
  readonly #captured: SignedRequest[] = [];
  readonly #acceptances = new Map<SignedRequest, number>();
  readonly #answers: Answer[] = [];
  readonly #loops: Promise<void>[];
  #isOver = false;

  constructor(urls: readonly string[], members: readonly Member[]) {
    this.#urls = urls;
    this.#loops = [...members.map((member, index) => this.#use(member, index)), this.#attack()];
  }

  /** Waits until the clients have got so many more answers of this status. */
  async sees(status: number, count: number): Promise<void> {
    const target = this.#count(status) + count;
    await until(`${count} more requests are answered ${status}`, () => {
      return this.#count(status) >= target;
    });
  }

  /** The proofs that were used last. */
  get latest(): readonly SignedRequest[] {
    return this.#captured.slice(-LATEST);
  }

  /** Sends each of them again to each instance. */
  async replay(requests: readonly SignedRequest[]): Promise<void> {
    for (const request of requests) await this.#replay(request);
  }

  /** Answers to clients other than success and unavailability. */
  get refusals(): readonly Answer[] {
    return this.#answers.filter(({ status }) => status !== 200 && status !== 503);
  }

  /** How often proofs were accepted that had been accepted before. */
  get acceptedReplays(): number {
    return [...this.#acceptances.values()].reduce((sum, times) => sum + times - 1, 0);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#loops);
  }

  #count(wanted: number): number {
    return this.#answers.filter(({ status }) => status === wanted).length;
  }

  async #use(member: Member, index: number): Promise<void> {
    let nonce: string | undefined;
    for (let turn = index; !this.#isOver; turn += 1) {
      let answer = await this.#request(member, turn, nonce);
      nonce = answer.nonce ?? nonce;
      if (answer.status === 401 && answer.nonce !== undefined) {
        turn += 1;
        answer = await this.#request(member, turn, nonce);
        nonce = answer.nonce ?? nonce;
      }
      this.#answers.push(answer);
      if (answer.status === 503) await pause(BACK_OFF_MS);
    }
  }

  async #request(member: Member, turn: number, nonce: string | undefined): Promise<Answer> {
    const request = await sign(member, nonce);
    const answer = await this.#send(this.#urls[turn % this.#urls.length] ?? '', request);
    // Not earlier: who sends a captured proof before its owner does denies service, and gains one request.
    this.#captured.push(request);
    return answer;
  }

  async #attack(): Promise<void> {
    for (let turn = 0; !this.#isOver; turn += 1) {
      const pool = turn % 2 === 0 ? this.#captured : this.latest;
      const request = pool[Math.floor(Math.random() * pool.length)];
      if (request === undefined) await pause(BACK_OFF_MS);
      else await this.#replay(request);
    }
  }

  async #replay(request: SignedRequest): Promise<void> {
    await Promise.all(this.#urls.map((url) => this.#send(url, request)));
  }

  async #send(url: string, request: SignedRequest): Promise<Answer> {
    const answer = await send(url, request);
    if (answer.status === 200) this.#acceptances.set(request, (this.#acceptances.get(request) ?? 0) + 1);
    return answer;
  }
}
