/** Moves: where the arrow keys lead in rows of boxes of different widths. */

const SAME_ROW_PX = 4;

/** Whether a key was pressed alone, and nobody has done anything about it. */
export function isAlone({ ctrlKey, metaKey, altKey, defaultPrevented }) {
  return !(ctrlKey || metaKey || altKey || defaultPrevented);
}

/**
 * @param {{left: number, top: number, width: number}[]} boxes In reading order.
 * @param {number} index Where one is.
 * @param {string} key The name of the key.
 * @param {boolean} rightToLeft Whether rows are read so.
 * @returns {number | undefined} Where the key leads; undefined where it leads nowhere.
 */
export function neighbour(boxes, index, key, rightToLeft) {
  const onwards = rightToLeft ? -1 : 1;
  const places = {
    ArrowRight: index + onwards,
    ArrowLeft: index - onwards,
    ArrowDown: inNextRow(boxes, index, 1),
    ArrowUp: inNextRow(boxes, index, -1),
    Home: 0,
    End: boxes.length - 1,
  };
  return places[key] in boxes ? places[key] : undefined;
}

/** The box of the next row below (1) or above (-1) whose middle is nearest; -1 where there is no such row. */
function inNextRow(boxes, index, below) {
  const here = boxes[index];
  const away = ({ top }) => below * (top - here.top);
  const aside = ({ left, width }) => Math.abs(left + width / 2 - here.left - here.width / 2);
  const others = boxes.filter((box) => away(box) > SAME_ROW_PX);
  const end = Math.min(...others.map(away)) + SAME_ROW_PX;
  const row = others.filter((box) => away(box) <= end);
  return boxes.indexOf(nearest(row, aside));
}

/** Of some things the one that is the least far away; undefined of none. */
export function nearest(things, away) {
  return things.sort((one, other) => away(one) - away(other))[0];
}
