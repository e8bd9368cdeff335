import { z } from "zod";
import { cronProblem } from "../schedule/cron.ts";
import { WEEKDAYS } from "../schedule/windows.ts";
import { isZone } from "../schedule/zone.ts";
import { Duration } from "./duration.ts";

const Zone = z
  .string()
  .refine(isZone, "expected an IANA time zone such as America/Santiago")
  .describe("IANA time zone such as America/Santiago");

const ClockTime = z
  .string()
  .regex(/^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/, "expected a time of day such as 02:00, or 24:00");

/** A run at fixed times, because somebody wishes it so. (A-TRG-6, B-TRN-1, D-SCH-1) */
export const Schedule = z.strictObject({
  cron: z
    .string()
    .superRefine((cron, context) => {
      const message = cronProblem(cron);
      if (message !== undefined) context.addIssue({ code: "custom", message });
    })
    .describe("minute, hour, day of month, month, day of week: '0 2 * * 0' is Sundays at 02:00"),
  zone: Zone.default("UTC"),
  catch_up: z
    .boolean()
    .default(true)
    .describe("a time missed while nothing ran is made up for, once; false: only within the hour"),
});
export type Schedule = z.infer<typeof Schedule>;

/** A stretch of time that comes back every week. */
const TimeWindow = z
  .strictObject({
    days: z
      .array(z.enum(WEEKDAYS))
      .min(1)
      .default([...WEEKDAYS])
      .describe("on which it opens"),
    from: ClockTime,
    to: ClockTime.describe("excluded; before `from` is on the day after"),
    zone: Zone.default("UTC"),
  })
  .refine(({ from, to }) => from !== to, {
    path: ["to"],
    message: "is the same as `from`; a whole day is from 00:00 to 24:00",
  });

/** When an evaluation takes place, and when what it asks for may run. (A-TRG-6, C-FLT-1) */
export const TIMING_SPECS = {
  cooldown: Duration.default("14d").describe(
    "least time between triggered runs, and after a person's decision; manual requests and schedules pass it",
  ),
  evaluate_every: Duration.default("1d"),
  schedule: z.array(Schedule).max(20).default([]).describe("runs at fixed times, whatever the detectors say"),
  maintenance: z
    .array(TimeWindow)
    .max(50)
    .default([])
    .describe("what low severity waits for; without any, nothing waits"),
  medium_within: Duration.default("24h").describe(
    "medium severity runs in a maintenance window, or this long after it was asked for",
  ),
  quiet: z.array(TimeWindow).max(50).default([]).describe("nothing but manual requests starts then"),
  weekly_budget: z
    .int()
    .positive()
    .max(1_000)
    .nullable()
    .default(null)
    .describe("most runs in any 7 days that no person asked for"),
};
