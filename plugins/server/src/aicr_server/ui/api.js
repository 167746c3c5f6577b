// Talking to the server: one place that waits when it is asked to, and turns every failure into a Problem.

const MOST_TRIES = 4;
let token = "";
let asking = null;
let askToken = async () => "";
let tellWaiting = () => {};

/** A failure as the server words it. */
export class Problem extends Error {
  constructor(status, document) {
    super(document.message ?? `The server answered ${status}`);
    this.status = status;
    this.code = document.code ?? "";
    this.reason = reasonOf(document.details);
    this.requestId = document.requestId ?? "";
  }
}

function reasonOf(details) {
  if (!details || typeof details !== "object") return "";
  if (typeof details.error === "string") return details.error;
  return Object.entries(details).map(([name, value]) => `${name}: ${[value].flat().join(", ")}`).join("; ");
}

/** Name what asks for a token when the server wants one, and what is told while the server asks for time. */
export function connect(handlers) {
  askToken = handlers.askToken;
  tellWaiting = handlers.tellWaiting;
}

/**
 * Send a request and give the response. Waits and tries again where the server asks for it (429, 503 with Retry-After).
 * Throws Problem; an aborted request throws AbortError.
 */
async function send(path, options = {}) {
  for (let attempt = 1; ; attempt += 1) {
    const used = token;
    const headers = used ? { ...options.headers, Authorization: `Bearer ${used}` } : options.headers;
    const response = await reached(`../${path}`, { ...options, headers });
    if (response.ok) return response;
    const pause = Number(response.headers.get("Retry-After") ?? "0");
    const problem = new Problem(response.status, await documentOf(response));
    if (response.status === 401 && attempt < MOST_TRIES) {
      if (await anotherToken(used)) continue;
    } else if ([429, 503].includes(response.status) && pause > 0 && pause <= 30 && attempt < MOST_TRIES) {
      await rest(pause * attempt, options.signal);
      continue;
    }
    throw problem;
  }
}

/** Have a token other than the one that was refused, asked for once whoever waits; give whether there is one. */
async function anotherToken(refused) {
  if (token === refused) {
    asking ??= askToken().finally(() => { asking = null; });
    token = await asking;
  }
  return token !== "";
}

async function reached(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { message: "The server cannot be reached", details: { error: error.message } });
  }
}

async function documentOf(response) {
  try {
    const found = await response.json();
    return found && typeof found === "object" ? found : {};
  } catch {
    return {};
  }
}

async function rest(seconds, signal) {
  tellWaiting(seconds);
  await new Promise((done) => { setTimeout(done, seconds * 1000); });
  tellWaiting(0);
  signal?.throwIfAborted();
}

/** GET a text; the browser keeps it as long as the server allows. */
export async function text(path, signal) {
  return (await send(path, { signal })).text();
}

/** GET a JSON document. */
export async function json(path, signal) {
  return JSON.parse(await text(path, signal));
}

/** POST a body, JSON as text; give the response. */
export async function post(path, body, signal) {
  return send(path, { method: "POST", body, signal, headers: { "Content-Type": "application/json" } });
}
