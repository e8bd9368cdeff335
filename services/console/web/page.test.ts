import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestNats, type TestNats } from "../../../test/support/nats.ts";
import { publishHealth, publishHistory, publishRun, putSpec } from "../testing/publish.ts";
import { type RunningConsole, runConsole } from "../testing/running.ts";
import { RunScript, START_MS, spec } from "../testing/samples.ts";
import { buildPage } from "./build.ts";

const CHROMIUM = [
  process.env.CHROMIUM_BIN ?? "",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path) => existsSync(path));
const ID = "eurusd-7d";
const NASTY = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;

describe.skipIf(CHROMIUM === undefined)(
  `the page in a browser${CHROMIUM === undefined ? " (skipped: no chromium; CHROMIUM_BIN names one)" : ""}`,
  () => {
    let nats: TestNats;
    let console_: RunningConsole;
    let browser: Browser;

    beforeAll(async () => {
      await buildPage();
      nats = await startTestNats();
      console_ = await runConsole(nats);
      browser = await chromium.launch({
        executablePath: CHROMIUM!,
        args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
      });
    }, 60_000);

    afterAll(async () => {
      await browser?.close();
      await console_?.[Symbol.asyncDispose]();
      await nats?.stop();
    });

    it("shows what the streams say, follows changes, shows others' text as text, and asks nobody else for anything", async () => {
      const { bus } = console_.context;
      const page = await browser.newPage({ viewport: { width: 390, height: 844 } });
      const strangers: string[] = [];
      const complaints: string[] = [];
      page.on("request", (request) => {
        if (!request.url().startsWith(console_.address)) strangers.push(request.url());
      });
      page.on("pageerror", (error) => complaints.push(error.message));
      page.on("console", (message) => {
        if (message.type() === "error") complaints.push(message.text());
      });
      await page.goto(console_.address);
      await page.getByText("No forecaster is known yet: describe one").waitFor();

      await putSpec(bus, spec(ID, { description: NASTY, unit: NASTY }));
      await publishHistory(bus, spec(ID), START_MS, 40, 5);
      await publishHealth(bus, ID, { status: "degraded", error: NASTY });
      await publishRun(
        bus,
        new RunScript(ID, "a")
          .accepted({ cause: "manual", requested_by: NASTY, reasons: [NASTY] })
          .searched()
          .verdict("rejected"),
      );

      await page
        .locator(".run .outcome", { hasText: "Rejected: RMSE improved 0.4 %, needed 5 %." })
        .waitFor();
      await page.locator(".card canvas").waitFor();
      await page.locator(".card .verdict", { hasText: "last value" }).waitFor();
      await page.locator(".run-head").click();
      await page.locator(".details").getByText("FAIL improvement").waitFor();
      await page.locator(".details").getByText("Trials, best first").waitFor();

      const text = await page.locator("body").textContent();
      expect(text).toContain("<img src=x onerror=");
      expect(await page.locator("img[src=x], body script:not([src])").count()).toBe(0);
      expect(await page.title()).toBe("Retune");
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(width).toBeLessThanOrEqual(390);
      expect(strangers).toEqual([]);
      expect(complaints).toEqual([]);
    }, 60_000);

    it("names the source of the demo's data while the demo runs", async () => {
      const page = await browser.newPage();
      await page.goto(console_.address);
      await page.getByText("Also here").waitFor();
      expect(await page.getByText("European Central Bank").count()).toBe(0);
      console_.context.bus.publishCore("demo.status", {
        virtual_time: "2025-06-02T00:00:00Z",
        sentence: "Forecasts meet their truth.",
        next_command: "retune status",
        progress: 0.5,
      });
      await page.getByText("Data: European Central Bank reference rates (Source: ECB statistics)").waitFor();
      await page.getByText("Mon, 2 Jun 2025").waitFor();
      await page.getByText("Forecasts meet their truth.").waitFor();
    }, 60_000);
  },
);
