import { describe, expect, it } from "vitest";
import { deployerConfig, gitSettings } from "./config.ts";
import { deploy } from "./deploy.ts";
import { approval } from "./deployer.fixture.ts";
import { LiveRepository } from "./live-repository.ts";
import { usePlaces } from "./places.fixture.ts";
import type { LivePorts } from "./ports.ts";
import { rollBack } from "./rollback.ts";

const { place, versions, commits, fileAgrees } = usePlaces();

describe("a deployer that was paused", () => {
  /** Real ports whose `pause` runs once, at that point of the first deployment through them. */
  function paused(ports: LivePorts, when: string, pause: () => Promise<void>): LivePorts {
    let left = true;
    const once = async () => {
      if (left) {
        left = false;
        await pause();
      }
    };
    const at = async <T>(point: string, value: T): Promise<T> => {
      if (when === point) await once();
      return value;
    };
    const bound = <T extends object>(target: T, over: Partial<T>): T =>
      new Proxy(target, {
        get: (object, name) => {
          const member = Reflect.get(object, name) as unknown;
          if (name in over) return Reflect.get(over, name);
          return typeof member === "function" ? member.bind(object) : member;
        },
      });
    const { configs: bucket, folder, repository } = ports;
    return {
      configs: bound(bucket, {
        update: async (...args) => at("before the rename", await bucket.update(...args)),
      }),
      folder: bound(folder, {
        stage: async (...args) => {
          const staged = await folder.stage(...args);
          const rename = async () => {
            await at("at the rename", undefined);
            await staged.rename();
          };
          return { ...staged, rename };
        },
      }),
      repository: bound(repository, {
        commit: async (request) => {
          await at("before the commit", undefined);
          return repository.commit(request);
        },
      }),
    };
  }

  it.each(["before the rename", "at the rename", "before the commit"])(
    "%s, while another deployed the run and took it back, brings nothing of it back",
    async (when) => {
      const at = await place();
      const event = approval(at.champion);
      const other: LivePorts = {
        ...at.ports,
        repository: new LiveRepository(at.root, gitSettings(deployerConfig({}))),
      };
      const result = await deploy(
        paused(at.ports, when, async () => {
          const done = await deploy(other, event, "7d");
          if (done.kind !== "deployed") throw new Error(done.cause);
          await rollBack(other, at.forecaster, {
            ...{ cause: "watch", reasons: [], claimed_at_ms: 0, at: event.time, from_version: 2 },
            ...{ event_run: event.data.run_id, rolled_back_run: event.data.run_id, to: done.previous },
          });
        }),
        event,
        "7d",
      );
      expect(await versions(at)).toEqual([1, 2, 3]);
      expect(await fileAgrees(at)).toBe(true);
      expect(commits(at)).toEqual([
        `Restore config for ${at.forecaster}`,
        `Deploy optimized config for ${at.forecaster}`,
      ]);
      // Whether the run is called deployed was settled by the other, whose claim this one will find.
      expect(result.kind).toBe("failed");
      expect(await at.folder.list()).toEqual([at.forecaster]);
    },
  );
});
