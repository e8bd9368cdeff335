import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { Msg, NatsConnection } from "@nats-io/nats-core";
import type { ZodType } from "zod";
import { firstIssue } from "../check.ts";
import type { DeadLetter } from "../contracts/alerts.ts";
import type { CloudEvent, StepData } from "../contracts/envelope.ts";
import { type Step, subjects, type TelemetryKind } from "../contracts/subjects.ts";
import { RetuneError, UnavailableError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { ArtifactStore } from "./artifacts.ts";
import { type ConsumeOptions, type Consumption, DurableConsumer } from "./consume.ts";
import { bury } from "./dead-letters.ts";
import { Buckets, type KvBucket } from "./kv.ts";
import { type Message, parseJson } from "./message.ts";
import { type MicroService, serveMicro } from "./micro.ts";
import type { ReadOptions } from "./replay.ts";
import { whileUnavailable } from "./retry.ts";
import { Claim, type Published, type Stage, StepPublisher } from "./steps.ts";
import { type StreamState, Streams } from "./streams.ts";
import type { BucketName, StreamName } from "./topology.ts";

/** A service answered with an error; `code` is its `Nats-Service-Error-Code`. */
export class ServiceError extends RetuneError {
  readonly disposition = "terminate";
  readonly code: number;

  constructor(message: string, code: number) {
    super(message);
    this.code = code;
  }
}

export interface BusOptions {
  readonly source: string; // service and instance, goes into events
  readonly artifactFolder: string;
  readonly codeVersion: string;
  readonly log: Log;
  readonly now: () => number;
}

/** Everything a service does with NATS. JSON in and out; nothing of the client library passes this class. */
export class Bus {
  readonly artifacts: ArtifactStore;
  private readonly nc: NatsConnection;
  private readonly js: JetStreamClient;
  private readonly jsm: JetStreamManager;
  private readonly options: BusOptions;
  private readonly streams: Streams;
  private readonly steps: StepPublisher;
  private readonly buckets: Buckets;
  private readonly reconnectListeners = new Set<() => void>();

  private constructor(
    nc: NatsConnection,
    jsm: JetStreamManager,
    artifacts: ArtifactStore,
    options: BusOptions,
  ) {
    this.nc = nc;
    this.js = jetstream(nc);
    this.jsm = jsm;
    this.options = options;
    this.streams = new Streams(nc, this.js, jsm, options.log);
    this.buckets = new Buckets(nc, options.log);
    this.steps = new StepPublisher(this.js, this.streams, this.buckets.bucket("states", Claim));
    this.artifacts = artifacts;
  }

  static async over(nc: NatsConnection, artifacts: ArtifactStore, options: BusOptions): Promise<Bus> {
    return new Bus(nc, await jetstreamManager(nc, { checkAPI: false }), artifacts, options);
  }

  get serverVersion(): string {
    return this.nc.info?.version ?? "unknown";
  }

  /**
   * Publishes records of one kind as one message and resolves with its stream sequence once it is stored.
   * `messageId` recognises a repeat within two minutes, on any subject of the stream, so it must name the
   * publisher, too. A full stream is waited for: the publisher feels it, nothing is dropped.
   */
  publishTelemetry(
    kind: TelemetryKind,
    id: string,
    records: readonly object[],
    messageId: string,
  ): Promise<number> {
    const subject = subjects.telemetry(kind, id);
    return this.store(
      subject,
      JSON.stringify(records.length === 1 ? records[0] : records),
      `${subject}:${messageId}`,
    );
  }

  /** Stores an event that may occur many times on its subject (`evaluated`, alerts). Repeats of its id are dropped. */
  publishEvent(subject: string, event: CloudEvent): Promise<number> {
    return this.store(subject, JSON.stringify(event), event.id);
  }

  /** Stores a payload as it is, for subjects that people publish on, too. */
  async store(subject: string, payload: string, messageId: string): Promise<number> {
    const publish = () => this.js.publish(subject, payload, { msgID: messageId, timeout: 2_000 });
    return (await whileUnavailable(`publish on '${subject}'`, publish)).seq;
  }

  publishOnce<D>(subject: string, event: CloudEvent<D>): Promise<Published<D>> {
    return this.steps.publishOnce(subject, event);
  }

  conclude<D extends StepData>(
    stage: Stage,
    step: Step,
    event: CloudEvent<D>,
  ): Promise<Published & { step: Step }> {
    return this.steps.conclude(stage, step, event);
  }

  outcome(run: string, stage: Stage): Promise<Claim | undefined> {
    return this.steps.outcome(run, stage);
  }

  /** Core publish: whoever listens now gets it, nobody else ever. */
  publishCore(subject: string, value: unknown): void {
    this.nc.publish(subject, JSON.stringify(value));
  }

  /** Resolve `ready` before relying on it: then the server knows of the subscription. */
  subscribeCore(
    subject: string,
    handler: (
      value: unknown,
      message: { subject: string; header(name: string): string | undefined },
    ) => void | Promise<void>,
  ): { ready: Promise<void>; stop(): void } {
    const callback = (error: Error | null, msg: Msg) => {
      if (error !== null) {
        this.options.log.error({ err: error, subject }, "subscription failed");
        return;
      }
      const header = (name: string) => msg.headers?.get(name) || undefined;
      Promise.resolve()
        .then(() =>
          handler(msg.data.length === 0 ? undefined : parseJson(msg.subject, msg.data), {
            subject: msg.subject,
            header,
          }),
        )
        .catch((err: unknown) =>
          this.options.log.warn({ err, subject: msg.subject }, "message could not be handled"),
        );
    };
    const subscription = this.nc.subscribe(subject, { callback });
    return { ready: this.nc.flush(), stop: () => subscription.unsubscribe() };
  }

  /** Calls `listener` after each reconnect, when messages outside streams may have been missed. */
  onReconnect(listener: () => void): () => void {
    this.reconnectListeners.add(listener);
    return () => {
      this.reconnectListeners.delete(listener);
    };
  }

  /** For the connection's owner: tells the listeners. */
  reconnected(): void {
    for (const listener of this.reconnectListeners) listener();
  }

  async consume(options: ConsumeOptions): Promise<Consumption> {
    const letters = {
      ...this.options,
      putArtifact: (bytes: Uint8Array) => this.artifacts.put(bytes),
      publishOnce: (subject: string, event: CloudEvent<DeadLetter>) => this.publishOnce(subject, event),
    };
    const consumer = new DurableConsumer(
      this.nc,
      this.jsm,
      options,
      (from, message, error) => bury(letters, from, message, error),
      this.options.log,
    );
    await consumer.start();
    const forget = this.onReconnect(() => consumer.reconnected());
    return {
      async stop() {
        forget();
        await consumer.stop();
      },
    };
  }

  read(stream: StreamName, options: ReadOptions = {}): AsyncGenerator<Message> {
    return this.streams.read(stream, options);
  }

  readBatches(stream: StreamName, options: ReadOptions = {}): AsyncGenerator<readonly Message[]> {
    return this.streams.readBatches(stream, options);
  }

  follow(stream: StreamName, options: ReadOptions, handler: (message: Message) => void | Promise<void>) {
    return this.streams.follow(stream, options, handler);
  }

  lastMessage(stream: StreamName, subject: string): Promise<Message | undefined> {
    return this.streams.last(stream, subject);
  }

  messageAt(stream: StreamName, sequence: number): Promise<Message | undefined> {
    return this.streams.at(stream, sequence);
  }

  /** Sequence up to which every message of a durable consumer was acknowledged, by whichever process. */
  async ackFloor(stream: StreamName, durable: string): Promise<number> {
    return (await this.jsm.consumers.info(stream, durable)).ack_floor.stream_seq;
  }

  streamState(stream: StreamName): Promise<StreamState> {
    return this.streams.state(stream);
  }

  kv<T>(bucket: BucketName, schema: ZodType<T>): KvBucket<T> {
    return this.buckets.bucket(bucket, schema);
  }

  async serve(service: MicroService): Promise<{ stop(): Promise<void> }> {
    const serving = serveMicro(this.nc, service, this.options.log);
    await this.nc.flush();
    return serving;
  }

  /**
   * @throws {ServiceError} when the service answered with an error, or with something `schema` refuses
   * @throws {UnavailableError} when nobody answered in time
   */
  async request<T>(
    subject: string,
    payload: unknown,
    schema: ZodType<T>,
    options: { timeoutMs?: number } = {},
  ): Promise<T> {
    const data = payload === undefined ? "" : JSON.stringify(payload);
    const { timeoutMs = 10_000 } = options;
    const reply = await this.nc.request(subject, data, { timeout: timeoutMs }).catch((cause: unknown) => {
      throw new UnavailableError(`nobody answered on '${subject}' (time limit ${timeoutMs} ms)`, { cause });
    });
    const code = reply.headers?.get("Nats-Service-Error-Code");
    if (code)
      throw new ServiceError(reply.headers?.get("Nats-Service-Error") || `'${subject}' failed`, Number(code));
    const parsed = schema.safeParse(parseJson(subject, reply.data));
    if (parsed.success) return parsed.data;
    throw new ServiceError(`reply on '${subject}': ${firstIssue(parsed.error)}`, 500);
  }
}
