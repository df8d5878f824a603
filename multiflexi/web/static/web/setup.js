"use strict";
// Takes the time zone from the browser and lets the password be shown; the page works without.
(() => {
  const zone = document.querySelector("[data-zone]");
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  // A value that was sent and came back with an error stays.
  const untouched = !document.querySelector(".wrong, .message.error");
  if (zone && untouched && Array.from(zone.options).some((one) => one.value === here)) zone.value = here;

  const password = document.querySelector("[data-shown]");
  const choice = document.querySelector("[data-show]");
  choice.hidden = false;
  choice.querySelector("input").addEventListener("change", (event) => {
    password.type = event.target.checked ? "text" : "password";
  });
})();
