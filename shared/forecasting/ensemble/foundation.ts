/** The foundation model's share of an ensemble's weights is expected in here (E-ENS-1). */
export const FOUNDATION_SHARE = { least: 0.1, most: 0.4 } as const;

/** Whether a family is a pretrained foundation model. */
export function isFoundation(family: string): boolean {
  return family.startsWith("chronos-");
}
