import assert from "node:assert/strict";
import { test } from "node:test";

import { neighbour } from "../../../handler/widget/src/moves.js";

// ┌── 0 ──┐┌ 1 ┐┌── 2 ──┐
// ┌ 3 ┐┌──── 4 ────┐┌ 5 ┐
// ┌─── 6 ───┐
const BOXES = [
  { left: 0, top: 0, width: 40 },
  { left: 40, top: 0, width: 20 },
  { left: 60, top: 1, width: 40 },
  { left: 0, top: 50, width: 20 },
  { left: 20, top: 50, width: 60 },
  { left: 80, top: 50, width: 20 },
  { left: 0, top: 100, width: 50 },
];

const move = (index, key, rightToLeft = false) => neighbour(BOXES, index, key, rightToLeft);

test("left and right follow the order of reading, over the ends of rows", () => {
  assert.deepEqual([0, 2, 6].map((index) => move(index, "ArrowRight")), [1, 3, undefined]);
  assert.deepEqual([0, 3, 6].map((index) => move(index, "ArrowLeft")), [undefined, 2, 5]);
});

test("where one reads from right to left they are the other way round", () => {
  assert.deepEqual([0, 2, 6].map((index) => move(index, "ArrowLeft", true)), [1, 3, undefined]);
  assert.deepEqual([0, 3].map((index) => move(index, "ArrowRight", true)), [undefined, 2]);
});

test("up and down lead to the nearest of the next row, whose tops may differ by a fraction", () => {
  assert.deepEqual([0, 1, 2, 4, 6].map((index) => move(index, "ArrowDown")), [3, 4, 5, 6, undefined]);
  assert.deepEqual([0, 3, 4, 5, 6].map((index) => move(index, "ArrowUp")), [undefined, 0, 1, 2, 3]);
});

test("home and end", () => {
  assert.deepEqual([move(4, "Home"), move(4, "End")], [0, 6]);
});

test("other keys lead nowhere", () => {
  assert.deepEqual(["Enter", "a", "Tab", "PageDown"].map((key) => move(4, key)), Array(4).fill(undefined));
});

test("a single box has no neighbours", () => {
  const keys = ["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown"];
  assert.deepEqual(keys.map((key) => neighbour([BOXES[0]], 0, key, false)), Array(4).fill(undefined));
});
