import { durationMs } from "../../shared/contracts/duration.ts";
import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import type { ServiceContext } from "../../shared/service.ts";
import { type FeedMemory, FleetMemory, MemberMemory } from "./feed-memory.ts";
import type { Source } from "./observations.ts";
import { SeriesFeed } from "./series-feed.ts";

/** Steps of history that a fleet begins with; a live config that looks further back has more fetched. */
const FIRST_REACH = 512;

export type MemberFeed = SeriesFeed<MemberMemory, readonly number[]>;
export type FleetFeed = SeriesFeed<FleetMemory, ReadonlySet<string>>;

/** A feed, which its user gives back with `leave`. */
export interface Joined<Feed> {
  readonly feed: Feed;
  leave(): Promise<void>;
}

/** Feeds that several forecasters look at are followed once. */
export class SeriesFeeds {
  private readonly context: ServiceContext;
  private readonly windowTimeoutMs: number;
  private readonly members = new Map<string, Shared<MemberFeed>>();
  private readonly fleets = new Map<string, Shared<FleetFeed>>();

  constructor(context: ServiceContext, windowTimeoutMs: number) {
    this.context = context;
    this.windowTimeoutMs = windowTimeoutMs;
  }

  joinMember(spec: ForecasterSpec): Joined<MemberFeed> {
    const source = sourceOf(spec);
    return join(this.members, JSON.stringify(source), () =>
      this.feed(source, new MemberMemory(source.entity)),
    );
  }

  joinFleet(spec: ForecasterSpec): Joined<FleetFeed> {
    const source = sourceOf(spec);
    return join(this.fleets, JSON.stringify([source, spec.step]), () =>
      this.feed(source, new FleetMemory(durationMs(spec.step), FIRST_REACH)),
    );
  }

  private feed<Memory extends FeedMemory<Arrival>, Arrival>(
    source: Source,
    memory: Memory & FeedMemory<Arrival>,
  ): SeriesFeed<Memory, Arrival> {
    return new SeriesFeed<Memory, Arrival>(this.context, source, memory, this.windowTimeoutMs);
  }
}

function sourceOf({ series, metric, entity, entities, bounds, calendar }: ForecasterSpec): Source {
  return { series, metric, entity, entities, bounds, calendar };
}

interface Shared<Feed> {
  readonly feed: Feed;
  users: number;
}

function join<Feed extends { stop(): Promise<void> }>(
  feeds: Map<string, Shared<Feed>>,
  key: string,
  make: () => Feed,
): Joined<Feed> {
  const shared = feeds.get(key) ?? { feed: make(), users: 0 };
  feeds.set(key, shared);
  shared.users += 1;
  return {
    feed: shared.feed,
    async leave() {
      shared.users -= 1;
      if (shared.users > 0) return;
      feeds.delete(key);
      await shared.feed.stop();
    },
  };
}
