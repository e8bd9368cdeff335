import type { PanelMember } from "../state.ts";
import { Points } from "./points.ts";

/** Entities of a fleet that are looked at one by one. */
export const PANEL_SIZE = 8;

/**
 * The entities of a fleet whose points are kept: the eight with the smallest hash of their names, which is a random
 * choice that everybody makes alike. Who is in at the end has been in since it was first seen, so that the points kept
 * depend on the telemetry alone, not on the order it came in. Who has been silent for as long as points are kept makes
 * room.
 */
export class Panel {
  private readonly pointMs: number;
  private readonly spanMs: number;
  private readonly members: Map<string, { readonly hash: number; errors: Points; values: Points }>;

  /** @param members not changed */
  constructor(
    members: Readonly<Record<string, PanelMember>>,
    { panelMs, pointSpanMs }: { readonly panelMs: number; readonly pointSpanMs: number },
  ) {
    this.pointMs = panelMs;
    this.spanMs = pointSpanMs;
    this.members = new Map(
      Object.entries(members).map(([entity, { errors, values }]) => [
        entity,
        this.member(entity, errors, values),
      ]),
    );
  }

  /** The points of an entity; undefined where it is not looked at. */
  of(entity: string): { readonly errors: Points; readonly values: Points } | undefined {
    const known = this.members.get(entity);
    if (known !== undefined) return known;
    const member = this.member(entity, [], []);
    if (this.members.size >= PANEL_SIZE) {
      const [last, { hash }] = [...this.members].reduce((a, b) => (a[1].hash > b[1].hash ? a : b));
      if (member.hash > hash) return undefined;
      this.members.delete(last);
    }
    this.members.set(entity, member);
    return member;
  }

  /** What is kept, by name. */
  kept(newestMs: number): Record<string, PanelMember> {
    const names = [...this.members.keys()].sort();
    return Object.fromEntries(
      names.flatMap((entity): [string, PanelMember][] => {
        const { errors, values } = this.members.get(entity)!;
        const kept = { errors: errors.within(this.spanMs), values: values.within(this.spanMs) };
        const last = Math.max(kept.errors.at(-1)?.[0] ?? -Infinity, kept.values.at(-1)?.[0] ?? -Infinity);
        return last < newestMs - this.spanMs ? [] : [[entity, kept]];
      }),
    );
  }

  private member(entity: string, errors: PanelMember["errors"], values: PanelMember["values"]) {
    return {
      hash: fnv1a(entity),
      errors: new Points(errors, this.pointMs),
      values: new Points(values, this.pointMs),
    };
  }
}

/** 32-bit FNV-1a over UTF-16 units. G. Fowler, L. C. Noll, K.-P. Vo; RFC 9923. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
