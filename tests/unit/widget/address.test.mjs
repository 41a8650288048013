import assert from "node:assert/strict";
import { test } from "node:test";

import { readAddress, writeAddress } from "../../../handler/widget/src/address.js";

test("what is written is read", () => {
  for (const wanted of [
    { query: "a dog & a cat", similar: "" },
    { query: "100% größe #1?", similar: "été 2024 & 100%/café #1.png" },
    { query: "", similar: "a.jpg" },
    { query: "", similar: "" },
  ]) {
    assert.deepEqual(readAddress(writeAddress("https://a.example/photos/", wanted)), wanted);
  }
});

test("the rest of the address stays as it is", () => {
  const before = "https://a.example/x?page=2&q=old&similar=a.jpg#top";
  assert.equal(writeAddress(before, { query: "new", similar: "" }), "https://a.example/x?page=2&q=new#top");
  assert.equal(writeAddress(before, { query: "", similar: "" }), "https://a.example/x?page=2#top");
});

test("an address that asks for nothing", () => {
  for (const href of ["https://a.example/", "https://a.example/?q=", "https://a.example/?q=%20%20&similar="]) {
    assert.deepEqual(readAddress(href), { query: "", similar: "" });
  }
});
