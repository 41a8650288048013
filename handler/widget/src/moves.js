/** Moves: where the arrow keys lead in rows of boxes of different widths. */

const SAME_ROW_PX = 4;

/**
 * @param {{left: number, top: number, width: number}[]} boxes In reading order.
 * @param {number} index Where one is.
 * @param {string} key The name of the key.
 * @param {boolean} rightToLeft Whether rows are read so.
 * @returns {number | undefined} Where the key leads; undefined where it leads nowhere.
 */
export function neighbour(boxes, index, key, rightToLeft) {
  const onwards = rightToLeft ? "ArrowLeft" : "ArrowRight";
  const backwards = rightToLeft ? "ArrowRight" : "ArrowLeft";
  if (key === onwards) return index + 1 < boxes.length ? index + 1 : undefined;
  if (key === backwards) return index > 0 ? index - 1 : undefined;
  if (key === "Home") return 0;
  if (key === "End") return boxes.length - 1;
  if (key === "ArrowDown") return inRow(boxes, index, (top, here) => top > here, Math.min);
  if (key === "ArrowUp") return inRow(boxes, index, (top, here) => top < here, Math.max);
  return undefined;
}

/** The box of the next row over whose middle is nearest; `nearest` is min for the row below, max for that above. */
function inRow(boxes, index, beyond, nearest) {
  const here = boxes[index];
  const tops = boxes.map((box) => box.top);
  const others = tops.filter((top) => Math.abs(top - here.top) > SAME_ROW_PX && beyond(top, here.top));
  if (others.length === 0) return undefined;
  const row = nearest(...others);
  const distances = boxes.map((box) =>
    Math.abs(box.top - row) > SAME_ROW_PX ? Infinity : Math.abs(box.left + box.width / 2 - here.left - here.width / 2),
  );
  return distances.indexOf(Math.min(...distances));
}
