/** Keys: those that the element has a use for are none of the page's business, whose shortcuts would take them for theirs. */

import { isAlone } from "./moves.js";

const MOVING = /^( |Enter|Home|End|Arrow.+)$/;
const TYPING = /^(.|Backspace|Delete|Process)$/su;
// With Ctrl or Command, too.
const EDITING = /^[acvxyz]$/i;

/**
 * Keep from the page what the element uses: each key that something in it took (its default is prevented), that is typed into
 * its fields, that presses its buttons, or that comes while one of its dialogs is shown.
 * @param {ShadowRoot} root
 * @param {(event: KeyboardEvent) => void} take Takes what nothing inside has taken.
 */
export function keepKeys(root, take) {
  let kept;
  for (const type of ["keydown", "keypress", "keyup"]) {
    root.addEventListener(type, (event) => {
      if (type === "keydown") {
        take(event);
        kept = event.defaultPrevented || isUsed(root, event);
      }
      if (kept) event.stopPropagation();
    });
  }
}

function isUsed(root, event) {
  const { target, key } = event;
  const typed = target.matches("input, select");
  // What stands in a slot is the page's own.
  if (!root.contains(target)) return false;
  if (!isAlone(event)) return typed && EDITING.test(key);
  return MOVING.test(key) || (typed && TYPING.test(key)) || root.querySelector("[open], :popover-open");
}
