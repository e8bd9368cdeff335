import type { KvBucket } from "../../shared/bus/kv.ts";
import type { LiveConfig } from "../../shared/contracts/live-config.ts";
import type { LiveFolder } from "./live-folder.ts";
import type { LiveRepository } from "./live-repository.ts";

/** The three places that hold a live config. The bucket is the truth; file and git follow it. */
export interface LivePorts {
  readonly configs: Pick<KvBucket<LiveConfig>, "get" | "update" | "delete" | "history" | "entries">;
  readonly folder: Pick<LiveFolder, "read" | "stage" | "write" | "remove" | "backUp">;
  readonly repository: Pick<LiveRepository, "commit">;
}
