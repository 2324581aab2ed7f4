// The messages of a room as far as they are known here: in order, each once, over connections that were lost.
//
// Invariant: numbers grow; at most so many are kept, and what goes is the oldest.

/** A room keeps no more (PROTOCOL: chat, `history_messages`). */
export const MESSAGES_MAX = 1_000;

export class ChatHistory {
  constructor() {
    this.messages = [];
    /** The server has older ones. */
    this.more = false;
  }

  get newestId() {
    return this.messages.at(-1)?.id ?? 0;
  }

  get oldestId() {
    return this.messages[0]?.id ?? 0;
  }

  /** What a `welcome` brought. What is older stays if nothing is missing in between. */
  welcome(messages, more) {
    const first = messages[0]?.id ?? Infinity;
    const older = this.messages.filter(({ id }) => id < first);
    const touches = this.newestId >= first - 1;
    if (!touches || messages.length === 0) {
      this.messages = [...messages];
      this.more = more;
      return;
    }
    this.messages = [...older, ...messages];
    this.more = older.length > 0 ? this.more : more;
    this.trim();
  }

  /** A message that was said; false if it is known. */
  add(message) {
    if (message.id <= this.newestId) return false;
    this.messages.push(message);
    this.trim();
    return true;
  }

  /** A page of older ones. */
  prepend(messages, more) {
    const older = messages.filter(({ id }) => this.messages.length === 0 || id < this.oldestId);
    this.messages = [...older, ...this.messages];
    this.more = more && this.messages.length < MESSAGES_MAX;
    return older;
  }

  remove(id) {
    this.messages = this.messages.filter((message) => message.id !== id);
  }

  trim() {
    if (this.messages.length > MESSAGES_MAX) this.messages.splice(0, this.messages.length - MESSAGES_MAX);
  }
}
