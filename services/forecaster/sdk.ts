/** The parts of this runtime that a forecaster of your own can build on. */
export { contextAt } from "../../shared/forecasting/context.ts";
export { ContextStore } from "./context-store.ts";
export { FleetMemory, MemberMemory } from "./feed-memory.ts";
export { FleetIssuer } from "./fleet-issuer.ts";
export { FleetStore } from "./fleet-store.ts";
export { HotSwap } from "./hot-swap.ts";
export { Issuer, type LiveModel } from "./issuer.ts";
export { LiveSlot, type SlotOptions, type SlotStatus } from "./live-slot.ts";
export { type ModelHost, type ServedModel, ThreadedModelHost } from "./model-host.ts";
export { ModelPool } from "./model-pool.ts";
export { SeriesFeed } from "./series-feed.ts";
