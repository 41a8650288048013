import assert from "node:assert/strict";
import { test } from "node:test";

import { asParameters, readFacets, readFilter, toggled } from "../../../handler/widget/src/filters.js";

test("a filter is read as its kind and its value, whatever stands in the value", () => {
  assert.deepEqual(readFilter("taken:2024-05"), ["taken", "2024-05"]);
  assert.deepEqual(readFilter("folder:a:b/c d"), ["folder", "a:b/c d"]);
  assert.deepEqual(readFilter("where:place:Rome: the\nold town"), ["where:place", "Rome: the\nold town"]);
});

test("what is no filter is none", () => {
  for (const text of ["", "taken", "taken:", "colour:red", "where:rating", "where::4", ":x", "constructor:x"]) {
    assert.equal(readFilter(text), undefined, text);
  }
});

test("of each kind and of each column there is one, and one that is chosen again is taken off", () => {
  assert.deepEqual(toggled(["type:png"], "folder:a"), ["type:png", "folder:a"]);
  assert.deepEqual(toggled(["folder:a", "type:png"], "folder:a/b"), ["type:png", "folder:a/b"]);
  assert.deepEqual(toggled(["where:rating:4", "where:place:Rome"], "where:rating:5"), ["where:place:Rome", "where:rating:5"]);
  assert.deepEqual(toggled(["type:png", "folder:a"], "type:png"), ["folder:a"]);
});

test("the interface knows filters as parameters", () => {
  const filters = ["taken:2024-05", "folder:a&b", "orientation:landscape", "type:png", "where:place:Rome: old"];
  assert.deepEqual(asParameters(filters), [
    ["taken_from", "2024-05"],
    ["taken_to", "2024-05"],
    ["folder", "a&b"],
    ["orientation", "landscape"],
    ["type", "png"],
    ["where", "place:Rome: old"],
  ]);
});

const FACETS = {
  months: [{ month: "2024-05", count: 3 }, { month: "2024-01", count: 2 }, { month: "2023-12", count: 1 }],
  folders: [{ folder: "holidays", count: 6 }],
  orientations: [],
  types: [{ value: "jpeg", count: 6 }],
  columns: [{ column: "rating", values: [{ value: 4, count: 1 }], others: 0 }],
};

test("facets are groups of filters with their counts: years, the newest first, and nothing empty", () => {
  assert.deepEqual(readFacets(FACETS), [
    { kind: "taken", values: [{ filter: "taken:2024", count: 5 }, { filter: "taken:2023", count: 1 }] },
    { kind: "folder", values: [{ filter: "folder:holidays", count: 6 }] },
    { kind: "type", values: [{ filter: "type:jpeg", count: 6 }] },
    { kind: "where:rating", values: [{ filter: "where:rating:4", count: 1 }] },
  ]);
});

test("of a single year there are its months", () => {
  const [taken] = readFacets({ ...FACETS, months: FACETS.months.slice(0, 2) });
  assert.deepEqual(taken.values.map(({ filter }) => filter), ["taken:2024-05", "taken:2024-01"]);
});
