// Server-sent events (HTML Living Standard, 9.2) by `fetch`: unlike EventSource it shows the status
// and the heartbeats, so that a lost connection is known within half a minute.

export interface Message {
  id: string | null;
  data: string;
}

/** Reads the text of a stream piece by piece. */
export class Parser {
  private rest = "";
  private data: string[] = [];
  private id: string | null = null;

  /** The messages that `text` completes. */
  push(text: string): Message[] {
    const messages: Message[] = [];
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop() ?? "";
    for (const line of lines) {
      const message = this.line(line.endsWith("\r") ? line.slice(0, -1) : line);
      if (message) messages.push(message);
    }
    return messages;
  }

  private line(line: string): Message | null {
    if (line === "") {
      const message = this.data.length > 0 ? { id: this.id, data: this.data.join("\n") } : null;
      this.data = [];
      return message;
    }
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.data.push(value);
    if (name === "id" && !value.includes("\0")) this.id = value;
    return null;
  }
}

/** The server says something every 15 s; twice that without a word, and the connection is lost. */
const QUIET_MS = 32_000;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 5_000;

export interface Listener {
  message(message: Message): void;
  connected(): void;
  lost(): void;
  /** The session has ended. */
  refused(): void;
  /** The cursor is older than what the server keeps. */
  purged(): void;
}

/** Follows the events after a cursor, until `signal` aborts. */
export async function follow(address: (after: string) => string, after: string, listener: Listener, signal: AbortSignal): Promise<void> {
  let wait_ms = FIRST_RETRY_MS;
  let cursor = after;
  while (!signal.aborted) {
    const attempt = new AbortController();
    const stop = () => attempt.abort();
    signal.addEventListener("abort", stop, { once: true });
    let quiet = setTimeout(stop, QUIET_MS);
    try {
      const response = await fetch(address(cursor), { signal: attempt.signal, cache: "no-store" });
      if (response.status === 401 || response.status === 403) return listener.refused();
      if (response.status === 410 || response.status === 400) return listener.purged();
      if (!response.ok || !response.body) throw new Error(String(response.status));
      listener.connected();
      wait_ms = FIRST_RETRY_MS;
      const parser = new Parser();
      const decoder = new TextDecoder();
      const reader = response.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        clearTimeout(quiet);
        quiet = setTimeout(stop, QUIET_MS);
        for (const message of parser.push(decoder.decode(value, { stream: true }))) {
          listener.message(message);
          cursor = message.id ?? cursor;
        }
      }
    } catch {
      // Told below: why a connection broke says nothing that a person could act upon.
    } finally {
      clearTimeout(quiet);
      signal.removeEventListener("abort", stop);
    }
    if (signal.aborted) return;
    listener.lost();
    await new Promise((resolve) => setTimeout(resolve, wait_ms));
    wait_ms = Math.min(wait_ms * 1.6, LONGEST_RETRY_MS);
  }
}
