// A browser for the tests of the page, and what no page may do: errors on the console, exceptions, anything
// that the content security policy forbids.

import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

/** Anything that should happen at once may take this long on a busy machine. */
export const PATIENCE_MS = 60_000;

const BROWSERS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"];
/** What a browser itself says of a server that is away. */
const OF_AN_OUTAGE = /WebSocket connection to|Failed to load resource/;
/** What is asked for although it may not be there: the best of a board on which nobody is. */
const MAY_BE_MISSING = /\/leaderboard\/[\w.-]+\/snapshot$/;

export async function launch() {
  const executablePath = process.env.CHROMIUM ?? BROWSERS.find((path) => existsSync(path));
  if (!executablePath) throw new Error("no Chromium: .ci/setup installs it, or set CHROMIUM to its path");
  return chromium.launch({ executablePath, headless: true, args: ARGUMENTS });
}

/** Windows of one browser, each with a memory of its own, and what went wrong in any of them. */
export class Windows {
  constructor(browser) {
    this.browser = browser;
    this.faults = [];
    this.isOutage = false;
  }

  async open(name, context) {
    const page = await (await this.browser.newContext(context)).newPage();
    return this.watch(name, page);
  }

  async watch(name, page) {
    page.setDefaultTimeout(PATIENCE_MS);
    page.on("pageerror", (error) => this.faults.push(`${name}: ${error.stack}`));
    page.on("console", (message) => {
      const isMissing = MAY_BE_MISSING.test(message.location().url) && message.text().includes("404");
      const excused = isMissing || (this.isOutage && OF_AN_OUTAGE.test(message.text()));
      if (["error", "warning"].includes(message.type()) && !excused) this.faults.push(`${name}: ${message.text()}`);
    });
    await page.exposeFunction("forbidden", (what) => this.faults.push(`${name}: forbidden: ${what}`));
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        window.forbidden(`${event.violatedDirective} ${event.blockedURI}`);
      });
    });
    return page;
  }
}

/** Waits until a function in the page answers something true, and answers that. */
export async function until(page, what, look, argument) {
  try {
    const found = await page.waitForFunction(look, argument, { polling: 50, timeout: PATIENCE_MS });
    return await found.jsonValue();
  } catch (error) {
    const seen = await page.evaluate(() => document.body.innerText).catch(() => "");
    throw new Error(`waited in vain for ${what}: ${error.message}\nthe page says:\n${seen}`);
  }
}

export function check(holds, what) {
  if (!holds) throw new Error(what);
}
