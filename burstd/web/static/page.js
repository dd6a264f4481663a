// The page of burstd: asks for what stands every two seconds and shows it. Whatever a cloud or a user wrote
// becomes text, never markup: elements are made here, and get their words by textContent alone.

const ASK_MS = 2000;
const LATE_MS = 10000;
const ROWS = 40;
const EVENTS = 30;
const JOBS = 100;
const KEY = "burstd-token";
const SVG = "http://www.w3.org/2000/svg";
const PHASES = {
  planned: "P", provisioning: "M", launching: "L", joining: "J", serving: "S", draining: "D", releasing: "R",
};
const MEANINGS = {
  planned: "planned", provisioning: "making its site", launching: "launching brokers", joining: "joining the lead",
  serving: "serving", draining: "draining", releasing: "releasing",
};

const byId = (id) => document.getElementById(id);
let token = sessionStorage.getItem(KEY) ?? "";
let refused = false;
let heardAt = 0;
const known = new Map();

// ---- asking

class Outdated extends Error {}

async function ask(path) {
  const held = known.get(path);
  const headers = held ? { "If-None-Match": held.tag } : {};
  if (token) headers.Authorization = `Bearer ${token}`;
  const asked = token;
  const answer = await fetch(path, { headers, signal: AbortSignal.timeout(LATE_MS) });
  if (asked !== token) throw new Outdated();
  if (answer.status === 304 && held) return held;
  if (answer.status === 401) refused = true;
  if (!answer.ok) throw new Error((await answer.json()).detail ?? `status ${answer.status}`);
  const found = { tag: answer.headers.get("ETag") ?? "", document: await answer.json(), at: Date.now() };
  known.set(path, found);
  return found;
}

async function look() {
  refused = false;
  try {
    const status = await ask("/api/v1/status");
    heardAt = Date.now();
    showStatus(status.document, status.at);
    showBursts((await ask("/api/v1/bursts")).document, status.document.at + (Date.now() - status.at) / 1000);
    await lookDeeper(status.document);
  } catch (error) {
    if (error instanceof Outdated) return;
    showTrouble(error);
  }
  showAge();
}

async function lookDeeper(status) {
  const trusted = !status.discreet;
  byId("jobs-details").hidden = !trusted;
  byId("events-note").textContent = trusted ? "" : "These need the token.";
  byId("token-says").textContent = trusted
    ? "The token is right: names and words are shown."
    : "Names of users and jobs, and the words of clouds, need it. This tab keeps it until it is closed.";
  byId("forget").hidden = !token;
  if (!trusted) {
    byId("events").replaceChildren();
    byId("jobs").tBodies[0].replaceChildren();
    return;
  }
  showEvents((await ask(`/api/v1/events?limit=${EVENTS}`)).document.events);
  if (byId("jobs-details").open) showJobs((await ask(`/api/v1/jobs?limit=${JOBS}`)).document);
}

async function lookForEver() {
  for (;;) {
    if (!document.hidden) await look();
    await new Promise((resolve) => { setTimeout(resolve, ASK_MS); });
  }
}

// ---- saying how it stands

function say(state, words) {
  const place = byId("state");
  if (place.textContent !== words) place.textContent = words;
  place.dataset.state = state;
  document.body.classList.toggle("away", state === "away");
}

function showTrouble(error) {
  if (refused) {
    byId("forget").hidden = !token;
    byId("token-says").textContent = token ? "This is not the token." : "Everything here needs the token.";
    say("away", token ? "The token was refused." : "burstd asks for the token.");
  } else {
    say("away", error instanceof TypeError || error.name === "TimeoutError"
      ? "burstd does not answer." : `${error.message}.`);
  }
}

function showAge() {
  const seconds = Math.round((Date.now() - heardAt) / 1000);
  byId("age").textContent = heardAt ? `Seen ${span(seconds)} ago.` : "";
}

function stateOf(status, now) {
  if (!status.lead_answers) {
    const seen = status.seen_at === null ? "it was not seen yet" : `as they were ${span(now - status.seen_at)} ago`;
    return ["lead-away", `The lead does not answer; hosts and jobs are ${seen}.`];
  }
  if (status.spend_unknown) return ["paused", "What was spent today is not known, so nothing is bought."];
  if (status.paused) return ["paused", "burstd is paused: nothing is made."];
  return ["live", "Live."];
}

// ---- tables

function showStatus(status, at) {
  const elapsed = (Date.now() - at) / 1000;
  const now = status.at + elapsed;
  say(...stateOf(status, now));
  fill("pools", status.pools.map((pool) => poolCells(pool, now)), "No pool is configured.");
  fill("bursts", status.bursts.map((burst) => burstCells(burst, elapsed)), "No burst lives.");
  const jobs = status.waiting.reduce((sum, wait) => sum + wait.jobs, 0);
  byId("waiting-note").textContent = jobs ? `${count(jobs, "burstable job waits", "burstable jobs wait")}.` : "";
  fill("waiting", status.waiting.map(waitCells), "No burstable job waits.");
  showSpend(status.spend);
}

function poolCells(pool, now) {
  const until = pool.until === null ? "" : `, for ${span(Math.max(pool.until - now, 0))} more`;
  return [pool.name, pool.provider, pool.state + until, of(pool.hosts_online, pool.hosts_total), orUnknown(pool.jobs),
    { words: pool.last_error, mark: "bad" }];
}

function burstCells(burst, elapsed) {
  const notes = [...new Set([burst.why, burst.pending, burst.last_error])].filter(Boolean);
  return [burst.name, `${burst.phase}, ${span(burst.phase_seconds + elapsed)}`, span(burst.age_seconds + elapsed),
    of(burst.hosts_online, burst.hosts_total), orUnknown(burst.jobs), dollars(burst.dollars), notes.join("; ")];
}

function waitCells(wait) {
  return [wait.code, String(wait.jobs), wait.sentence, wait.examples.join(" ")];
}

function jobCells(job) {
  return [job.id, job.name, job.user || `uid ${job.userid}`, job.queue, job.hosts ? String(job.hosts) : "",
    moment(job.submitted), `${job.code}: ${job.sentence}`];
}

function showJobs(page) {
  fill("jobs", page.jobs.map(jobCells), "No burstable job waits.");
  const left = page.total - page.jobs.length;
  byId("jobs-note").textContent = page.after && left > 0 ? `${left} more wait.` : "";
}

function fill(id, rows, nothing) {
  const table = byId(id);
  const labels = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  const made = rows.map((cells) => row(cells, labels));
  if (!rows.length) made.push(emptyRow(nothing, labels.length));
  table.tBodies[0].replaceChildren(...made);
}

function row(cells, labels) {
  const line = make("tr", { role: "row" });
  cells.forEach((cell, index) => {
    const { words, mark } = typeof cell === "string" ? { words: cell, mark: "" } : cell;
    line.append(make("td", { role: "cell", "data-label": labels[index], class: mark }, words));
  });
  return line;
}

function emptyRow(words, columns) {
  const line = make("tr", { role: "row" });
  line.append(make("td", { role: "cell", colspan: columns, class: "note", "data-label": "" }, words));
  return line;
}

// ---- spend

function showSpend(spend) {
  const may = spend.reserved === null ? "what lives has no end that bounds its cost"
    : `up to ${dollars(spend.reserved)} more are reserved for what lives`;
  const entries = [
    meter(`${against(spend.dollars_today, "today (UTC)", spend.cap_per_day)}; ${may}`,
      spend.dollars_today, spend.reserved, spend.cap_per_day),
    meter(against(spend.dollars_per_hour, "an hour", spend.cap_per_hour),
      spend.dollars_per_hour, 0, spend.cap_per_hour),
  ];
  for (const pool of spend.pools.filter((one) => one.cap_per_day !== null || one.dollars_today > 0)) {
    entries.push(meter(`${pool.pool}: ${against(pool.dollars_today, "today", pool.cap_per_day)}`,
      pool.dollars_today, 0, pool.cap_per_day));
  }
  if (spend.cap_per_user_day !== null) {
    entries.push(make("li", {}, `Each user's jobs may cost ${dollars(spend.cap_per_user_day)} dollars a day.`));
  }
  byId("spend").replaceChildren(...entries);
}

function against(amount, when, cap) {
  return cap === null ? `${dollars(amount)} dollars ${when}, no cap` : `${dollars(amount)} of ${dollars(cap)} dollars ${when}`;
}

function meter(words, spent, reserved, cap) {
  const entry = make("li", {}, words);
  if (cap !== null) {
    const bar = make("div", { class: "bar", "aria-hidden": "true" });
    bar.append(part("spent", spent / cap), part("reserved", (reserved ?? cap) / cap));
    entry.append(bar);
  }
  return entry;
}

function part(kind, share) {
  const made = make("div", { class: kind });
  made.style.width = `${Math.min(share, 1) * 100}%`;
  made.style.flexShrink = kind === "spent" ? "0" : "1";
  return made;
}

// ---- the time line

function showBursts(told, now) {
  const bursts = told.bursts.slice(0, ROWS);
  const more = told.bursts.length - bursts.length;
  byId("bursts-note").textContent = bursts.length
    ? `Those that live, and those of the last 24 hours${more ? `; ${more} older ones are not drawn` : ""}.`
    : "None lives, and none went in the last 24 hours.";
  byId("legend").hidden = !bursts.length;
  byId("timeline").replaceChildren(...(bursts.length ? [drawing(bursts, now)] : []));
}

function drawing(bursts, now) {
  const width = Math.max(byId("timeline").clientWidth, 200);
  const begin = Math.min(...bursts.map((burst) => burst.created), now - 600);
  const place = (at) => ((Math.max(at, begin) - begin) / (now - begin)) * width;
  const height = 22 + 40 * bursts.length;
  const canvas = draw("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "group",
    "aria-label": `Time line of ${count(bursts.length, "burst", "bursts")}` });
  ticks(begin, now, width, height).forEach((one) => canvas.append(one));
  bursts.forEach((burst, index) => canvas.append(...lane(burst, 22 + 40 * index, place, now)));
  return canvas;
}

function* marks(begin, now, width) {
  const most = Math.max(2, Math.floor(width / 130));
  for (let index = 0; index < most; index += 1) yield begin + ((now - begin) * index) / most;
}

function ticks(begin, now, width, height) {
  return [...marks(begin, now, width)].flatMap((at) => {
    const x = ((at - begin) / (now - begin)) * width;
    return [draw("line", { x1: x, x2: x, y1: 0, y2: height }), draw("text", { x: x + 3, y: 13, class: "tick" }, minute(at, now - begin))];
  });
}

function lane(burst, top, place, now) {
  const cost = burst.dollars === null ? "" : `, ${dollars(burst.dollars)} dollars`;
  const ended = burst.failure ? `, failed: ${burst.failure}` : burst.ended ? `, gone: ${burst.why}` : "";
  const words = `${burst.name}: ${burst.phase}, ${count(burst.hosts, "host", "hosts")}${cost}${ended}`;
  const label = draw("text", { x: 0, y: top + 14 }, shortened(words, place(now)));
  label.append(draw("title", {}, words));
  return [label, ...burst.stretches.flatMap((stretch) => bar(burst, stretch, top + 19, place, now))];
}

function bar(burst, stretch, top, place, now) {
  const left = place(stretch.begin);
  const width = Math.max(place(stretch.end ?? now) - left, 1.5);
  const words = `${burst.name}: ${MEANINGS[stretch.phase] ?? stretch.phase} from ${moment(stretch.begin)}, `
    + `${span((stretch.end ?? now) - stretch.begin)}`;
  const box = draw("rect", { x: left, y: top, width, height: 16, class: stretch.phase, role: "img" });
  box.append(draw("title", {}, words));
  return width < 12 ? [box] : [box, draw("text", { x: left + width / 2, y: top + 12, class: "mark", "aria-hidden": "true" },
    PHASES[stretch.phase] ?? "?")];
}

function showLegend() {
  byId("legend").replaceChildren(...Object.entries(PHASES).map(([phase, letter]) => {
    const entry = make("li", {});
    const box = draw("svg", { viewBox: "0 0 18 16", "aria-hidden": "true" });
    box.append(draw("rect", { width: 18, height: 16, class: phase }), draw("text", { x: 9, y: 12, class: "mark" }, letter));
    entry.append(box, MEANINGS[phase]);
    return entry;
  }));
}

// ---- the latest

function showEvents(events) {
  byId("events").replaceChildren(...events.map((event) => {
    const entry = make("li", {});
    entry.append(make("time", { datetime: new Date(event.at * 1000).toISOString() }, moment(event.at)), event.sentence);
    return entry;
  }));
  byId("events-note").textContent = events.length ? "" : "Nothing was decided yet.";
}

// ---- words and elements

function make(name, attributes, words = "") {
  return dressed(document.createElement(name), attributes, words);
}

function draw(name, attributes, words = "") {
  return dressed(document.createElementNS(SVG, name), attributes, words);
}

function dressed(element, attributes, words) {
  for (const [name, value] of Object.entries(attributes)) if (value !== "") element.setAttribute(name, value);
  if (words) element.textContent = words;
  return element;
}

const orUnknown = (number) => (number === null ? "?" : String(number));
const of = (some, all) => `${orUnknown(some)}/${orUnknown(all)}`;
const dollars = (amount) => (amount === null ? "" : amount.toFixed(2));
const count = (number, one, many) => `${number} ${number === 1 ? one : many}`;

function shortened(words, width) {
  const most = Math.max(Math.floor(width / 7.2), 10);
  return words.length <= most ? words : `${words.slice(0, most - 1)}…`;
}

function span(seconds) {
  const whole = Math.max(Math.round(seconds), 0);
  if (whole < 120) return `${whole} s`;
  if (whole < 7200) return `${Math.floor(whole / 60)} min`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

function moment(at) {
  const when = new Date(at * 1000);
  const time = when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  return when.toDateString() === new Date().toDateString() ? time : `${when.toLocaleDateString()} ${time}`;
}

function minute(at, range) {
  return range < 3600 ? moment(at) : new Date(at * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

// ---- the token: kept by this tab, never in an address

function useToken(given) {
  token = given;
  if (given) sessionStorage.setItem(KEY, given);
  else sessionStorage.removeItem(KEY);
  known.clear();
  byId("forget").hidden = !token;
  look();
}

byId("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const given = byId("token").value.trim();
  byId("token").value = "";
  if (/^[\x21-\x7e]+$/.test(given)) useToken(given);
});
byId("forget").addEventListener("click", () => useToken(""));
byId("jobs-details").addEventListener("toggle", look);
setInterval(showAge, 1000);
showLegend();
lookForEver();
