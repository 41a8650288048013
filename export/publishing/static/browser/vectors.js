/**
 * The vectors of all photos, as the bundle has them: int8, each with the value of one of its steps.
 *
 * The file has, little-endian: float32 [photos] and float32 [photos, views], the steps of the fused vectors and of the
 * views; int8 [photos, dim] and int8 [photos, views, dim], both.
 */

const INT8_MAX = 127;
/** Added to a small number and taken away again, it leaves the nearest whole one, of two the even one, as numpy has it. */
const ROUNDS = 12_582_912;

const { fround } = Math;

export class Vectors {
  #dim;
  #views;
  #fused;
  #ofViews;

  /** @param {ArrayBuffer} file @param {{photos: number, views: number, dim: number}} shape */
  constructor(file, { photos, views, dim }) {
    const rows = photos * (1 + views);
    const expected = rows * (4 + dim);
    if (file.byteLength !== expected) throw new Error(`The vectors have ${file.byteLength} bytes (expected ${expected})`);
    this.#dim = dim;
    this.#views = views;
    this.#fused = { steps: new Float32Array(file, 0, photos), rows: new Int8Array(file, 4 * rows, photos * dim) };
    this.#ofViews = {
      steps: new Float32Array(file, 4 * photos, photos * views),
      rows: new Int8Array(file, 4 * rows + photos * dim),
    };
  }

  /** The inner product of a direction with the fused vector of each photo, both in whole steps; float32 [photos]. */
  scores(direction) {
    const { steps, rows } = this.#fused;
    const query = quantised(direction);
    return steps.map((step, number) => {
      const product = dot(query.row, rows.subarray(number * this.#dim, (number + 1) * this.#dim));
      return product * fround(query.step * step);
    });
  }

  /** The inner products of a direction with the views of a photo; float32 [views]. */
  cosines(number, direction) {
    return Float32Array.from({ length: this.#views }, (_, view) => {
      const { row, step } = this.#view(number, view);
      return step * dot(direction, row);
    });
  }

  /** The weighted sum of a photo's views, of unit norm; undefined where that is nothing. float32 [dim]. */
  direction(number, weights) {
    const sum = new Float32Array(this.#dim);
    weights.forEach((weight, view) => {
      const { row, step } = this.#view(number, view);
      for (let place = 0; place < sum.length; place++) sum[place] += fround(fround(weight) * fround(step * row[place]));
    });
    const norm = fround(Math.sqrt(dot(sum, sum)));
    return norm > 0 ? sum.map((component) => component / norm) : undefined;
  }

  #view(number, view) {
    const { steps, rows } = this.#ofViews;
    const place = number * this.#views + view;
    return { step: steps[place], row: rows.subarray(place * this.#dim, (place + 1) * this.#dim) };
  }
}

/** The inner product of two vectors of numbers. */
export function dot(one, other) {
  let sum = 0;
  for (let place = 0; place < one.length; place++) sum += one[place] * other[place];
  return sum;
}

/** A vector in whole steps, so that its largest component becomes 127 of them. */
function quantised(vector) {
  const largest = vector.reduce((most, component) => Math.max(most, Math.abs(component)), 0);
  const step = largest > 0 ? fround(largest / INT8_MAX) : 1;
  return { step, row: Int8Array.from(vector, (component) => fround(fround(fround(component / step) + ROUNDS) - ROUNDS)) };
}
