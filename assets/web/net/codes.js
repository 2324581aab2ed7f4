// What a close code asks of a client (PROTOCOL: close codes), and how to say it to a person.

/** What to do after a connection has ended. */
export const After = Object.freeze({ RESUME: "resume", JOIN: "join", END: "end" });

const resume = (words) => ({ after: After.RESUME, words });
const end = (title, words) => ({ after: After.END, title, words });
const broken = end("This page and the server disagree", "Reload the page. If that does not help, report it.");

const CODES = {
  1000: end("The match is over", "Thanks for playing."),
  1001: end("The server has closed", "It goes away for good."),
  1002: broken,
  1007: broken,
  1009: broken,
  1011: resume("The match is being restored."),
  1012: resume("The server restarts."),
  1013: resume("The server has too much to do."),
  4000: end("You left the match", "Your seat is free again."),
  4003: { after: After.JOIN, words: "Your seat was given up. Joining anew." },
  4400: broken,
  4401: end("This match wants an invitation", "The link's token is missing, used up or too old. Ask for a new link."),
  4403: end("You were removed", "Somebody who runs this match took your seat away."),
  4404: end("There is no such match", "It has ended, or the link is not complete."),
  4408: resume("Nothing was heard for too long."),
  4409: end("You play in another window", "This match was opened elsewhere under the same name."),
  4410: end("The match is over", "It ended while you were away."),
  4420: resume("The connection is too slow."),
  4421: broken,
  4423: end("The match is full", "Try another one."),
  4426: end("This page is out of date", "Reload it to get the version the server speaks."),
  4429: broken,
};

const LOST = resume("The connection is gone.");

/** What a close code means; codes that no server sends (1006) are a lost connection. */
export function meaning(code) {
  return CODES[code] ?? LOST;
}
