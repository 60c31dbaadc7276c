"use strict";

// The server is told a host, and not what stands before it: TLS, or a prefix of the path.
const told = document.documentElement.dataset.address;
const here = new URL(".", location.href).href.replace(/\/$/, "");
const codes = [...document.querySelectorAll("pre > code")];

for (const code of told === undefined ? [] : codes) {
  code.textContent = code.textContent
    .replaceAll(told, here)
    .replaceAll(told.replace(/^http/, "ws"), here.replace(/^http/, "ws"));
}

async function copy(code) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(code.textContent);
    return;
  }
  // A page that did not come over TLS has no clipboard, but may have what is selected copied.
  getSelection().selectAllChildren(code);
  if (!document.execCommand("copy")) throw new Error("not copied");
}

for (const code of codes) {
  const button = document.createElement("button");
  const name = code.closest("article").querySelector("h3").textContent;
  button.type = "button";
  button.setAttribute("aria-live", "polite");
  const say = (text) => {
    button.textContent = text;
    button.setAttribute("aria-label", `${text}: ${name}`);
  };
  say("Copy");
  button.addEventListener("click", async () => {
    try {
      await copy(code);
      say("Copied");
    } catch {
      say("Failed");
    }
    setTimeout(say, 2000, "Copy");
  });
  code.closest("article").append(button);
}
