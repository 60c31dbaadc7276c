"use strict";

// Requests go where the page came from, whatever stands before the relay. Nothing of the reader's is kept, and
// nothing is asked of anybody else: no fonts, no telemetry, no assistant, no proxy.
Scalar.createApiReference("#reference", {
  url: "openapi.json",
  servers: [{ url: new URL(".", location.href).href.replace(/\/$/, "") }],
  persistAuth: false,
  telemetry: false,
  withDefaultFonts: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  hideClientButton: true,
  showDeveloperTools: "never",
  hideModels: true,
  defaultOpenFirstTag: false,
});
