"use strict";
// Asks the browser for a passkey and sends its answer with the form around the button.
(() => {
  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));

  const text = (buffer) => {
    if (!buffer) return null;
    const letters = Array.from(new Uint8Array(buffer), (one) => String.fromCharCode(one)).join("");
    return btoa(letters).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  };

  const known = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  const ask = async (kind, options) => {
    const asked = { ...options, challenge: bytes(options.challenge) };
    if (kind === "add") {
      asked.user = { ...options.user, id: bytes(options.user.id) };
      asked.excludeCredentials = known(options.excludeCredentials);
      return navigator.credentials.create({ publicKey: asked });
    }
    asked.allowCredentials = known(options.allowCredentials);
    return navigator.credentials.get({ publicKey: asked });
  };

  const written = (credential) => {
    const told = credential.response;
    const response = { clientDataJSON: text(told.clientDataJSON) };
    if (told.attestationObject) {
      response.attestationObject = text(told.attestationObject);
    } else {
      response.authenticatorData = text(told.authenticatorData);
      response.signature = text(told.signature);
      if (told.userHandle) response.userHandle = text(told.userHandle);
    }
    return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response });
  };

  // A code is the other way to go on; all else must be filled in before the device is asked.
  const complete = (form) => Array.from(form.elements).every((one) => one.name === "code" || one.reportValidity());

  document.querySelectorAll("[data-passkey]").forEach((part) => {
    if (!window.PublicKeyCredential) return;
    const button = part.querySelector("button");
    const wrong = part.querySelector("[data-passkey-wrong]");
    part.querySelector("[data-passkey-without]").hidden = true;
    button.hidden = false;
    button.addEventListener("click", async () => {
      if (!complete(button.form)) return;
      button.disabled = true;
      wrong.hidden = true;
      try {
        const credential = await ask(part.dataset.passkey, JSON.parse(part.dataset.options));
        part.querySelector("input").value = written(credential);
        button.form.submit();
      } catch (error) {
        wrong.hidden = false;
        button.disabled = false;
      }
    });
  });
})();
