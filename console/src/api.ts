// Requests to the server, with the session's cookie and, where they change something, its word.

import type { Session } from "./model.js";

/** What the server refused, in its own words (RFC 9457). */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

let csrf = "";

export function useSession(session: Session): void {
  csrf = session.csrf;
}

/** A request takes no longer than this, or has failed. */
const LIMIT_MS = 15_000;

export async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = {};
  if (body !== undefined) headers["content-type"] = "application/json";
  if (method !== "GET" && csrf !== "") headers["interdict-csrf"] = csrf;
  const request: RequestInit = { method, headers, cache: "no-store", signal: AbortSignal.timeout(LIMIT_MS) };
  if (body !== undefined) request.body = JSON.stringify(body);
  let response: Response;
  try {
    response = await fetch(path, request);
  } catch {
    throw new Refused(0, "unreachable", "");
  }
  const text = await response.text();
  if (response.ok) return (text === "" ? undefined : JSON.parse(text)) as T;
  let problem: { type?: string; detail?: string } = {};
  try {
    problem = JSON.parse(text) as typeof problem;
  } catch {
    // Something between the server and us answered.
  }
  throw new Refused(response.status, problem.type?.split(":").pop() ?? "", problem.detail ?? response.statusText);
}

export const get = <T>(path: string) => ask<T>("GET", path);
export const post = <T>(path: string, body: unknown) => ask<T>("POST", path, body);
export const segment = encodeURIComponent;

/** The list `name` at an address, page after page to its end. */
export async function list<T>(path: string, name: string): Promise<T[]> {
  const all: T[] = [];
  let after = "";
  for (;;) {
    const page = await get<Record<string, unknown>>(path + after);
    all.push(...((page[name] as T[] | undefined) ?? []));
    if (typeof page["next"] !== "string") return all;
    after = `?after=${segment(page["next"])}`;
  }
}
