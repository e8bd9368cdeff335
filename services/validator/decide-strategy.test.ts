import { describe, expect, it } from "vitest";
import { StrategySpec } from "../../shared/contracts/spec-strategy.ts";
import type { ComparedStrategy, StrategyMetrics } from "../../shared/contracts/strategy.ts";
import { decideStrategy } from "./decide-strategy.ts";

const spec = StrategySpec.parse({ max_drawdown: 0.2, max_p_value: 0.1 });
const metrics: StrategyMetrics = {
  ...{ total_return: 0.1, annualised_return: 0.4, annualised_volatility: 0.2 },
  ...{ sharpe: 1, sortino: 1, calmar: 1, max_drawdown: 0.1, turnover: 5, hit_rate: 0.5, trades: 12 },
  ...{ exposure: 0.6, returns: 89, is_ruined: false },
};

function compared(name: ComparedStrategy["name"], over: Partial<ComparedStrategy> = {}): ComparedStrategy {
  const parameters = name === "tuned" || name === "present" ? spec.parameters : null;
  const figures = { searched: metrics, held_out: metrics, objective: 0, infeasible: null, p_value: 0.05 };
  return { name, parameters, ...figures, ...over };
}

/** A tuned strategy that passes everything, as far as nothing else is said. */
function judge(
  { tuned = {}, present = {}, hold = {} }: Partial<Record<string, Partial<ComparedStrategy>>> = {},
  approval: "automatic" | "manual" = "automatic",
) {
  const strategies = [
    compared("tuned", { objective: 1, p_value: null, ...tuned }),
    compared("present", { objective: 0.5, ...present }),
    compared("buy-and-hold", { objective: 0.4, ...hold }),
    compared("flat"),
  ];
  return decideStrategy(strategies, spec, { approval });
}

const passed = ({ criteria }: ReturnType<typeof judge>) =>
  Object.fromEntries(criteria.map((each) => [each.name, each.passed]));

describe("the verdict on a strategy (B-STR-1, B-RSK-1)", () => {
  it("approves what is better on the held-out prices, safe, and hardly luck, with every figure", () => {
    const verdict = judge();
    expect(verdict).toMatchObject({ step: "approved", approved: true, first_deployment: false });
    expect(verdict.reasons).toEqual([
      "sharpe on the held-out prices 1.000, present 0.5000",
      "sharpe on the held-out prices 1.000, buy-and-hold 0.4000, flat 0.000",
      "largest loss from a peak 10 %, at most 20 %",
      "chance that its gain over the present parameters is luck 0.05000, at most 0.1",
    ]);
  });

  it.each<[string, Parameters<typeof judge>[0], string, RegExp]>([
    ["is as good as what is live", { present: { objective: 1 } }, "improvement", /present 1\.000/],
    ["is beaten by buying and holding", { hold: { objective: 1.2 } }, "references", /buy-and-hold 1\.200/],
    [
      "does nothing",
      { tuned: { objective: 0 }, present: { objective: -1 }, hold: { objective: -1 } },
      "references",
      /flat 0\.000/,
    ],
    [
      "loses too much",
      { tuned: { held_out: { ...metrics, max_drawdown: 0.3 } } },
      "drawdown",
      /30 %, at most 20 %/,
    ],
    ["may be luck", { present: { p_value: 0.4 } }, "luck", /luck 0\.4000, at most 0\.1/],
    ["has too few prices to tell luck", { present: { p_value: null } }, "luck", /too few held-out prices/],
  ])("rejects one that %s", (_, given, criterion, reason) => {
    const verdict = judge(given);
    expect(verdict).toMatchObject({ step: "rejected", approved: false });
    expect(passed(verdict)[criterion]).toBe(false);
    expect(verdict.reasons.join()).toMatch(reason);
  });

  it("rejects one that was ruined, whatever its measure", () => {
    const verdict = judge({ tuned: { objective: null, infeasible: "it was ruined" } });
    expect(passed(verdict)).toEqual({ improvement: false, references: false, drawdown: false, luck: true });
    expect(verdict.reasons).toContain("it was ruined");
  });

  it("lets one replace parameters that break the limits themselves", () => {
    const present = { objective: 3, infeasible: "maximum drawdown 40.0 %, allowed 20.0 %" };
    expect(judge({ present })).toMatchObject({ step: "approved" });
  });

  it("holds what would be approved where the spec asks for a person", () => {
    expect(judge({}, "manual")).toMatchObject({ step: "held", approved: true });
    expect(judge({ present: { p_value: 0.9 } }, "manual")).toMatchObject({ step: "rejected" });
  });
});
