// How much of each answer was really played: its sound in order of media time, pauses left out.

const KEPT = 1024;
const CONTINUES_US = 2_000;

export class Played {
  #items = []; // {id, fromUs}, in order
  #spans = []; // {fromUs, toUs}, in order; sound without a pause is one

  /** An answer's next clause begins to sound at `ptsUs`. */
  begins(itemId, ptsUs) {
    if (this.#items.at(-1)?.id === itemId) return;
    this.#items.push({ id: itemId, fromUs: ptsUs });
    if (this.#items.length > KEPT) this.#items.shift();
  }

  /** Sound came that belongs at `ptsUs`. */
  sound(ptsUs, durationUs) {
    const last = this.#spans.at(-1);
    const item = this.#items.at(-1);
    const isFirst = item && last && item.fromUs > last.fromUs && item.fromUs <= ptsUs + CONTINUES_US;
    if (last && !isFirst && Math.abs(ptsUs - last.toUs) <= CONTINUES_US) last.toUs = ptsUs + durationUs;
    else this.#spans.push({ fromUs: ptsUs, toUs: ptsUs + durationUs });
    if (this.#spans.length > KEPT) this.#spans.shift();
  }

  /** Milliseconds of sound of an answer before media time `untilUs`; null for one that has not begun. */
  ms(itemId, untilUs) {
    const at = this.#items.findIndex(({ id }) => id === itemId);
    if (at < 0) return null;
    const fromUs = this.#items[at].fromUs - CONTINUES_US;
    const endUs = Math.min(untilUs, this.#items[at + 1]?.fromUs ?? Infinity);
    const heardUs = this.#spans
      .filter((span) => span.fromUs >= fromUs)
      .reduce((sum, span) => sum + Math.max(0, Math.min(span.toUs, endUs) - span.fromUs), 0);
    return Math.floor(heardUs / 1000);
  }

  clear() {
    this.#items = [];
    this.#spans = [];
  }
}
