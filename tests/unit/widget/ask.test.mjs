import assert from "node:assert/strict";
import { test } from "node:test";

import { Client } from "../../../handler/widget/src/client.js";

const { signal } = new AbortController();

test("a page that has the answers itself is asked in place of the network", async () => {
  const asked = [];
  const ask = async (address, request) => {
    asked.push([String(address), request.signal.aborted]);
    return Response.json({ results: [] });
  };
  await new Client("./", "https://photos.invalid/gallery/", ask).search("dog", { count: 5, signal });
  assert.deepEqual(asked, [["https://photos.invalid/gallery/v1/search?q=dog&dedupe=true&k=5", false]]);
});

test("it may say for how long it may take", async () => {
  const ask = (_, { signal: limit }) =>
    new Promise((_, reject) => limit.addEventListener("abort", () => reject(limit.reason)));
  ask.timeoutMs = 1;
  const client = new Client("./", "https://photos.invalid/", ask);
  await assert.rejects(client.search("dog", { count: 5, signal }), { kind: "slow" });
});
