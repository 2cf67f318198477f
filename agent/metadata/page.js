"use strict";
// Shows the facts, and shows them anew when the server tells of a change. What
// facts hold only ever becomes text.
(() => {
  const $ = (id) => document.getElementById(id);
  const search = $("search"), body = $("facts"), state = $("state");
  let facts = [], behind = 0, changed = new Set(), latest = 0;

  const text = (value) => typeof value === "string" ? value :
    Array.isArray(value) && value.every((v) => typeof v !== "object") ? value.join(",") : JSON.stringify(value, null, 1);

  const age = (when) => {
    if (!when) return "";
    const s = Math.max(0, Math.round((Date.now() - behind - Date.parse(when)) / 1000));
    for (const [unit, length] of [["d", 86400], ["h", 3600], ["m", 60]]) {
      if (s >= 2 * length) return Math.floor(s / length) + unit;
    }
    return s < 5 ? "now" : s + "s";
  };

  const cell = (row, name, content) => {
    const td = row.insertCell();
    td.className = name;
    td.append(content);
    return td;
  };

  const origin = (o) => o.source + (o.from ? " " + o.from : "") + (o.stale ? " (stale)" : "") + (o.unset ? "; unset" : "");

  const draw = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = document.createDocumentFragment();
    let shown = 0;
    for (const f of facts) {
      const all = (f.fact + "\n" + text(f.value) + "\n" + origin(f)).toLowerCase();
      if (!words.every((w) => all.includes(w))) continue;
      shown++;
      const row = document.createElement("tr");
      row.id = f.fact;
      if (changed.has(f.fact)) row.className = "changed";
      const link = document.createElement("a");
      link.href = "v1/facts/" + encodeURIComponent(f.fact);
      link.textContent = f.fact;
      cell(row, "fact", link);
      cell(row, "value", text(f.value ?? ""));
      cell(row, "age", age(f.written || f.confirmed));
      cell(row, "origin", origin(f)).classList.toggle("stale", Boolean(f.stale));
      rows.append(row);
      for (const o of f.others || []) {
        const other = document.createElement("tr");
        other.className = "differs";
        cell(other, "fact", "differs");
        cell(other, "value", text(o.value ?? ""));
        cell(other, "age", age(o.written));
        cell(other, "origin", origin(o));
        rows.append(other);
      }
    }
    body.replaceChildren(rows);
    $("count").textContent = shown === facts.length ? facts.length + " facts" : shown + " of " + facts.length + " facts";
  };

  const say = (what, bad) => {
    state.textContent = what;
    state.classList.toggle("bad", Boolean(bad));
  };

  const load = async () => {
    const mine = ++latest;
    const answer = await fetch("v1/view?show=origins", { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(answer.status + " " + await answer.text());
    const list = await answer.json();
    if (mine !== latest) return; // a newer one is under way
    behind = Date.now() - (Date.parse(answer.headers.get("Date")) || Date.now());
    facts = list;
    const named = (name) => facts.find((f) => f.fact === name)?.value;
    const who = [named("pod.namespace"), named("pod.name")].filter(Boolean).join("/");
    $("who").textContent = who;
    document.title = who ? who + " – podfacts" : "podfacts";
    draw();
  };

  const refresh = () => load().then(() => say("live"), (err) => say(err.message, true));

  const listen = () => {
    const events = new EventSource("v1/watch");
    events.onmessage = (e) => {
      const { since, changed: names } = JSON.parse(e.data);
      changed = new Set(since ? names : []);
      refresh();
    };
    events.onerror = () => {
      say("not connected; trying again", true);
      // Whoever is told to ask later, as while a sidecar starts, is not asked again by itself.
      if (events.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
    };
  };
  listen();

  search.addEventListener("input", draw);
  document.addEventListener("keydown", (e) => {
    if (e.key === "/" && document.activeElement !== search) {
      e.preventDefault();
      search.focus();
    } else if (e.key === "Escape" && document.activeElement === search) {
      search.value = "";
      draw();
    }
  });
  setInterval(() => { if (!document.hidden) refresh(); }, 60000); // ages, and what only confirms
})();
