import { freePort, whenGreeted } from "../../shared/bus/server/port.ts";
import type { TestNats } from "./nats.ts";

const IMAGE = "nats:2.10.27-alpine";
const READY_TIMEOUT_MS = 60_000;

/** A nats-server in Docker, on a fixed port of loopback so that a restart keeps the address. */
export async function startNatsContainer(): Promise<TestNats> {
  const { GenericContainer, getContainerRuntimeClient } = await import("testcontainers");
  const port = await freePort();
  const container = await new GenericContainer(IMAGE)
    .withCommand(["-js", "-sd", "/data"])
    .withExposedPorts({ container: 4222, host: port })
    .start();
  const host = container.getHost();
  const greeted = async () => {
    const until = AbortSignal.timeout(READY_TIMEOUT_MS);
    const greeting = await whenGreeted(host, port, ({ jetstream }) => jetstream === true, until);
    if (!greeting) throw new Error(`container ${container.getId()} does not answer on ${host}:${port}`);
    return greeting;
  };
  const { version } = await greeted();
  const stop = async (): Promise<void> => {
    await container.stop();
  };
  return {
    url: `nats://${host}:${port}`,
    port,
    storeDir: "/data",
    version,
    async restart() {
      await container.restart();
      await greeted();
    },
    async kill9AndRestart() {
      const { container: containers } = await getContainerRuntimeClient();
      const handle = containers.getById(container.getId());
      await handle.kill({ signal: "SIGKILL" });
      await handle.start();
      await greeted();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
