import type { Bus } from "../../../shared/bus/bus.ts";
import type { Consumption } from "../../../shared/bus/consume.ts";
import type { KvBucket } from "../../../shared/bus/kv.ts";
import type { Message } from "../../../shared/bus/message.ts";
import { type Incident, IncidentsState, incidentsKey } from "../../../shared/contracts/incidents.ts";
import { Token } from "../../../shared/contracts/subjects.ts";
import { InvalidInputError } from "../../../shared/errors.ts";
import {
  incidentSubjects,
  incidentTarget,
  readIncidents,
  type ToldIncidents,
} from "../../../shared/incidents.ts";

/**
 * Incidents that people raise and clear, folded from DECISIONS into the bucket `states`. Each event folds its
 * target anew from the stream's beginning: there are few, and a state that was lost or is behind is whole again.
 */
export class Incidents {
  private readonly bus: Bus;
  private readonly states: KvBucket<IncidentsState>;
  private readonly onChange: () => void;
  private readonly byTarget = new Map<string, readonly Incident[]>();
  private consumption: Consumption | undefined;

  constructor(bus: Bus, onChange: () => void) {
    this.bus = bus;
    this.states = bus.kv("states", IncidentsState);
    this.onChange = onChange;
  }

  /** Every incident of every target. */
  all(): Incident[] {
    return [...this.byTarget.values()].flat();
  }

  /** Folds the past; resolves when every state is what the stream implies. */
  async start(): Promise<void> {
    for (const [target, told] of await readIncidents(this.bus))
      if (Token.safeParse(target).success) await this.keep(target, told);
    this.consumption = await this.bus.consume({
      stream: "DECISIONS",
      durable: "inference-buffer-incidents",
      filter: incidentSubjects(),
      handler: ([message]) => this.take(message!),
    });
  }

  async stop(): Promise<void> {
    await this.consumption?.stop();
  }

  /** @throws {InvalidInputError} for an event that cannot be meant: the bus makes it a dead letter */
  private async take({ subject, sequence }: Message): Promise<void> {
    const target = incidentTarget(subject);
    if (!Token.safeParse(target).success)
      throw new InvalidInputError(`'${subject}': expected the id of a series or forecaster at its end`);
    const told = (await readIncidents(this.bus, target)).get(target);
    if (told === undefined) return;
    await this.keep(target, told);
    const reason = told.refused.get(sequence);
    if (reason !== undefined) throw new InvalidInputError(`'${subject}': ${reason}`);
  }

  private async keep(target: string, { state }: ToldIncidents): Promise<void> {
    const key = incidentsKey(target);
    const entry = await this.states.get(key);
    if (entry?.value.last_sequence !== state.last_sequence)
      await this.states.update(key, state, entry?.revision ?? 0);
    const changed = JSON.stringify(this.byTarget.get(target)) !== JSON.stringify(state.incidents);
    this.byTarget.set(target, state.incidents);
    if (changed) this.onChange();
  }
}
