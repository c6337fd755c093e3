/** What is drawn into the cells of a grid besides their colour. */
export interface CellMarks {
  /** Through wrong pairs. */
  readonly crosses: boolean;
  /** Of the classes. */
  readonly outlines: boolean;
}

const all: CellMarks = { crosses: true, outlines: true };
const outlinesOnly: CellMarks = { crosses: false, outlines: true };
const none: CellMarks = { crosses: false, outlines: false };

/** @param cell - its side, CSS pixels: in a smaller one a mark is a smudge */
export function cellMarks(cell: number): CellMarks {
  if (cell >= 8) return all;
  return cell >= 4 ? outlinesOnly : none;
}
