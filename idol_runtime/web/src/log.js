// The conversation as it is read: one line for each item, in order.

const MOST = 60;

export class Log {
  #lines = new Map(); // item id -> element

  /** `root`: the element that holds the lines. */
  constructor(root) {
    this.root = root;
  }

  /** The lines as plain data, for `restore`. */
  get lines() {
    return [...this.root.children].map((line) => ({ who: line.dataset.who, id: line.dataset.id, text: line.textContent, isCut: line.classList.contains('cut') }));
  }

  restore(lines) {
    for (const { who, id, text, isCut } of lines) {
      this.add(who, text, id);
      if (isCut) this.#lines.get(id)?.classList.add('cut');
    }
  }

  /** A new line; one that is there already stays as it is. */
  add(who, text, id = '') {
    if (id && this.#lines.has(id)) return;
    const line = this.root.ownerDocument.createElement('p');
    line.className = who;
    Object.assign(line.dataset, { who, id });
    line.textContent = text;
    this.root.append(line);
    if (id) this.#lines.set(id, line);
    while (this.root.children.length > MOST) {
      this.#lines.delete(this.root.firstChild.dataset.id);
      this.root.firstChild.remove();
    }
    this.#follow();
  }

  /** More of a line that is being written. */
  write(id, delta) {
    this.add('character', '', id);
    this.#lines.get(id).textContent += delta;
    this.#follow();
  }

  /** The whole of a line. `isCut`: the rest was never heard; a line of which nothing was heard goes. */
  settle(id, text, isCut) {
    const line = this.#lines.get(id);
    if (!line) return;
    if (!text.trim()) {
      line.remove();
      this.#lines.delete(id);
      return;
    }
    line.textContent = text;
    line.classList.toggle('cut', isCut);
  }

  /** Ends what stands here so far. */
  divide(text) {
    if (this.root.children.length && this.root.lastChild.dataset.who !== 'divider') this.add('divider', text);
  }

  /** The server did not take a line. */
  refuse(id) {
    this.#lines.get(id)?.classList.add('refused');
  }

  #follow() {
    this.root.scrollTop = this.root.scrollHeight;
  }
}
