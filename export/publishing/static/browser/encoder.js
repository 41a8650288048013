/** The encoder: texts in, unit vectors out, by onnxruntime-web; the same graph as the function's. */

import { env, InferenceSession, Tensor } from "./onnxruntime.js";
import { WordPieces } from "./word_pieces.js";

export class Encoder {
  #pieces;
  #prompts;
  #session;
  /** Words that are known whole, the usual ones first. */
  words;

  /**
   * Open an encoder.
   * @param {{runtime: ArrayBuffer, graph: ArrayBuffer, weights: ArrayBuffer, tokenizer: object}} files
   * @param {{most_tokens: number, prompts: {query: string, document: string}}} configuration
   */
  static async open({ runtime, graph, weights, tokenizer }, { most_tokens: mostTokens, prompts }) {
    env.wasm.numThreads = 1;
    env.wasm.wasmBinary = runtime;
    const externalData = [{ path: "encoder.bin", data: new Uint8Array(weights) }];
    const session = await InferenceSession.create(new Uint8Array(graph), { executionProviders: ["wasm"], externalData });
    return new Encoder(new WordPieces(tokenizer, mostTokens), session, prompts);
  }

  constructor(pieces, session, prompts) {
    this.#pieces = pieces;
    this.#prompts = prompts;
    this.#session = session;
    this.words = pieces.words;
  }

  /** @returns {Promise<{asked: Float32Array[], said: Float32Array[]}>} Unit vectors, as queries and as captions. */
  async encode(texts) {
    const { query, document } = this.#prompts;
    const asked = await this.#encode(query, texts);
    return { asked, said: query === document ? asked : await this.#encode(document, texts) };
  }

  async #encode(prompt, texts) {
    const vectors = [];
    // One at a time, as the session works.
    for (const text of texts) vectors.push(await this.#run(this.#pieces.encode(prompt + text)));
    return vectors;
  }

  knows(text) {
    return this.#pieces.knows(text);
  }

  rank(word) {
    return this.#pieces.rank(word);
  }

  async #run(pieces) {
    const tensor = (numbers) => new Tensor("int64", BigInt64Array.from(numbers, BigInt), [1, numbers.length]);
    const inputs = { input_ids: tensor(pieces), attention_mask: tensor(pieces.map(() => 1)) };
    return (await this.#session.run(inputs)).sentence_embedding.data;
  }

  get ignoresCase() {
    return this.#pieces.ignoresCase;
  }
}
