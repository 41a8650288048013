/** Keys: those that the element has a use for are none of the page's business, whose shortcuts would take them for theirs. */

import { SHOWN } from "./dom.js";
import { isAlone } from "./moves.js";

const MOVING = /^( |Enter|Home|End|Arrow.+)$/;
const TYPING = /^(.|Backspace|Delete|Process)$/su;
// With Ctrl or Command, too.
const EDITING = /^[acvxyz]$/i;

/**
 * Keep from the page what the element uses: each key that something in it took (its default is prevented), that is typed into
 * its fields, that presses its buttons, or that moves in its dialogs. Escape leaves those.
 * @param {ShadowRoot} root
 * @param {(event: KeyboardEvent) => void} take Takes what nothing inside has taken.
 */
export function keepKeys(root, take) {
  // By their places on the keyboard: until they are let go, when the focus may be elsewhere.
  const kept = new Set();
  for (const type of ["keydown", "keypress", "keyup"]) {
    root.addEventListener(type, (event) => {
      if (type === "keydown") {
        leaveDialog(root, event);
        take(event);
        kept[isUsed(root, event) ? "add" : "delete"](event.code);
      }
      if (kept.has(event.code)) event.stopPropagation();
    });
  }
}

/** A browser's own way of leaving a dialog would let the page hear of the key. */
function leaveDialog(root, event) {
  const dialog = event.key === "Escape" && isAlone(event) && !event.isComposing && root.querySelector(SHOWN);
  if (!dialog) return;
  event.preventDefault();
  dialog.dispatchEvent(new Event("cancel"));
}

function isUsed(root, event) {
  const { target, key, defaultPrevented } = event;
  // What stands in a slot is the page's own.
  if (defaultPrevented || !root.contains(target)) return defaultPrevented;
  const typed = target.matches("input, select");
  if (!isAlone(event)) return typed && EDITING.test(key);
  return MOVING.test(key) || (typed ? TYPING.test(key) : key === "Tab" && target.closest("dialog"));
}
