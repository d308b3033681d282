(() => {
  "use strict";

  // A page that lies in a file may be refused its storage; then a choice lasts as long as the page.
  const store = {
    get() { try { return localStorage.getItem("seqbench-theme"); } catch { return null; } },
    set(theme) { try { localStorage.setItem("seqbench-theme", theme); } catch { /* not kept */ } },
  };
  const themes = { auto: "as the system", light: "light", dark: "dark" };
  let theme = Object.hasOwn(themes, store.get() ?? "") ? store.get() : "auto";

  function applyTheme() {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }

  function themeButton(button) {
    const said = button.querySelector("span");
    const show = () => { applyTheme(); said.textContent = themes[theme]; };
    button.addEventListener("click", () => {
      const names = Object.keys(themes);
      theme = names[(names.indexOf(theme) + 1) % names.length];
      store.set(theme);
      show();
    });
    button.hidden = false;
    show();
  }

  const letters = new Intl.Collator("en", { numeric: true });

  // By the number in data-value; by text in a column that has none. What is missing comes last,
  // and what is equal stays in the report's own order.
  function sort(table, header, direction) {
    const column = header.cellIndex;
    const sign = direction === "ascending" ? 1 : -1;
    const rows = [...table.tBodies].map((body) => {
      const cell = body.rows[0].cells[column];
      const value = cell.dataset.value === undefined ? null : Number(cell.dataset.value);
      return { body, value, text: cell.innerText, place: Number(body.dataset.place) };
    });
    const textual = header.dataset.column === "name";
    rows.sort((a, b) => {
      if (textual) return sign * letters.compare(a.text, b.text) || a.place - b.place;
      if (a.value === null || b.value === null) {
        return (a.value === null) - (b.value === null) || a.place - b.place;
      }
      return (a.value < b.value ? -sign : a.value > b.value ? sign : 0) || a.place - b.place;
    });
    table.append(...rows.map((row) => row.body));
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", direction);
  }

  function sortable(table) {
    [...table.tBodies].forEach((body, place) => { body.dataset.place = place; });
    for (const header of table.tHead.rows[0].cells) {
      if (!header.dataset.first) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener("click", () => {
        const now = header.getAttribute("aria-sort");
        const other = now === "ascending" ? "descending" : "ascending";
        sort(table, header, now ? other : header.dataset.first);
      });
    }
  }

  function copyButton(button) {
    const code = button.parentElement.querySelector("code");
    button.hidden = false;
    button.addEventListener("click", async () => {
      getSelection().selectAllChildren(code);
      let done = false;
      try {
        await navigator.clipboard.writeText(code.textContent);
        done = true;
      } catch {
        done = document.execCommand("copy");
      }
      button.textContent = done ? "Copied" : "Selected";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
  }

  applyTheme();
  addEventListener("DOMContentLoaded", () => {
    themeButton(document.getElementById("theme"));
    document.querySelectorAll("table.board").forEach(sortable);
    document.querySelectorAll("button.copy").forEach(copyButton);
  });
})();
