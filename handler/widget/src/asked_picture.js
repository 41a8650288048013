/** A picture to ask with: the browser decodes and shrinks it, so that nothing but the pixels of a small square is sent. */

import { make } from "./dom.js";

const CHIP_PX = 64;

/**
 * @typedef {object} AskedPicture
 * @property {string} name Of its file.
 * @property {Uint8Array} pixels Red, green and blue of each pixel of a square, row by row.
 * @property {HTMLCanvasElement} chip What shows it.
 */

/**
 * Reads a file that may be a picture; it is turned upright and squashed to a square, as the photos were.
 * @param {File} file
 * @param {number} side Of the square, in pixels.
 * @returns {Promise<AskedPicture | undefined>} Nothing where the browser can't read it.
 */
export async function readPicture(file, side) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return undefined;
  }
  try {
    const { data } = drawn(bitmap, side, side).getContext("2d").getImageData(0, 0, side, side);
    const pixels = new Uint8Array(side * side * 3);
    for (let from = 0, to = 0; from < data.length; from += 4) {
      pixels[to++] = data[from];
      pixels[to++] = data[from + 1];
      pixels[to++] = data[from + 2];
    }
    const scale = CHIP_PX / Math.min(bitmap.width, bitmap.height);
    return { name: file.name, pixels, chip: drawn(bitmap, bitmap.width * scale, bitmap.height * scale) };
  } catch {
    return undefined; // too large for a canvas
  } finally {
    bitmap.close();
  }
}

/** The first file of what was dropped or pasted, if there is one. */
export function fileOf(transfer) {
  return transfer?.files?.[0];
}

/** A canvas of this size with the picture, on white where it is transparent. */
function drawn(bitmap, width, height) {
  const canvas = make("canvas", { width: Math.round(width), height: Math.round(height), "aria-hidden": "true" });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas;
}
