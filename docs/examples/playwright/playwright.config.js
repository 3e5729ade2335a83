import { defineConfig } from "@playwright/test";

const port = process.env.PORT ?? 5280;
const { CHROMIUM } = process.env; // a browser of the system's, instead of `npx playwright install chromium`

export default defineConfig({
  workers: 1, // all tests share a server, and each begins with a reset
  webServer: {
    command: `conversehost --port ${port} --c2s-port 0`,
    url: `http://localhost:${port}/health`,
    reuseExistingServer: !process.env.CI,
  },
  use: {
    baseURL: `http://localhost:${port}/`,
    launchOptions: CHROMIUM ? { executablePath: CHROMIUM, args: ["--no-sandbox"] } : {},
  },
});
