/** The worker: the gallery beside the page, which so stays free to draw; it fetches the gallery's files. */

import { Gallery } from "./gallery.js";

let gallery;

self.onmessage = async ({ data: { files, question, address } }) => {
  if (files) gallery = new Gallery((name) => read(files[name]));
  else {
    const { pathname, searchParams } = new URL(address, "https://gallery.invalid/");
    try {
      self.postMessage({ question, answer: await gallery.answer(pathname.slice(1), searchParams) });
      gallery.prepare();
    } catch (error) {
      self.postMessage({ question, failure: String(error) });
    }
  }
};

/** A file as it was before it was made small; it is what the page says, or refused. */
async function read({ address, integrity }) {
  const response = await fetch(address, { integrity });
  if (!response.ok) throw new Error(`${address} can't be had: ${response.status}`);
  return new Response(response.body.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}
