/**
 * Class of an ordered pair (x, y) by which of its two orders are trained on. The network can't tell the orders apart,
 * so a *partner* pair comes free with its trained *rare* one. A pair (x, x) is common or held out.
 */
export const PairClass = { common: 0, rare: 1, partner: 2, heldOut: 3 } as const;

/**
 * @param train - [p, p] mask over the ordered pairs, 1 for a training pair
 * @returns [p, p] row-major: the `PairClass` of each pair; common and rare pairs are the training set
 */
export function pairClasses(train: Uint8Array, modulus: number): Uint8Array {
  return train.map((trained, pair) => {
    const y = pair % modulus;
    const swappedTrained = train[y * modulus + (pair - y) / modulus];
    if (trained) return swappedTrained ? PairClass.common : PairClass.rare;
    return swappedTrained ? PairClass.partner : PairClass.heldOut;
  });
}

/** Number of pairs of each class: common, rare, partner, held out. */
export function classCounts(classes: Uint8Array): [number, number, number, number] {
  const counts: [number, number, number, number] = [0, 0, 0, 0];
  for (const pairClass of classes) counts[pairClass]++;
  return counts;
}

/** Whether pairs of this class are trained on. */
export function isTrained(pairClass: number): boolean {
  return pairClass <= PairClass.rare;
}
