import type { StreamState } from "../../shared/bus/streams.ts";
import type { StreamName } from "../../shared/bus/topology.ts";
import type { ServiceContext } from "../../shared/service.ts";

/**
 * Which stream of a name the sequences in a state belong to. One that is created anew (a restored machine, a purged
 * store) counts from 1 again, and every message in it would look handled to a state of its predecessor. So states
 * keep the time their stream was created at, and one of another stream is not gone on from.
 */
export class StreamEra {
  readonly stream: StreamName;
  private readonly context: Pick<ServiceContext, "bus">;
  private known: StreamState | undefined;

  constructor(context: Pick<ServiceContext, "bus">, stream: StreamName) {
    this.context = context;
    this.stream = stream;
  }

  /** Creation time of the stream, as far as known. */
  get created(): string | undefined {
    return this.known?.created;
  }

  /** Asks the server anew. */
  async refresh(): Promise<StreamState> {
    this.known = await this.context.bus.streamState(this.stream);
    return this.known;
  }

  /**
   * The state to go on from. One of an older version of ours, which does not name its stream, is taken for this one's
   * unless it knows sequences that the stream has not reached.
   *
   * @param newest greatest sequence that the state has handled
   * @returns undefined where the state belongs to another stream and has to be rebuilt
   * @throws {UnavailableError} when the server does not answer
   */
  async admit<S extends { readonly stream_created: string | null }>(
    state: S,
    newest: number,
  ): Promise<S | undefined> {
    if (state.stream_created !== null && state.stream_created === this.created) return state;
    const { created, lastSequence } = await this.refresh();
    if (state.stream_created === created) return state;
    if (state.stream_created !== null || newest > lastSequence) return undefined;
    return { ...state, stream_created: created };
  }
}
