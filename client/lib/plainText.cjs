// Makes text from servers, logs and files safe to print. Plain JavaScript, so that deploy/*.mjs can use it.
"use strict";

/** Terminal escapes: colours and cursor moves, titles and links, and the short ones. Each alternative is linear. */
const ESCAPES =
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|(?:\u001b\]|\u009d)[^\u0007\u001b\u009c\u009d\n]*(?:\u0007|\u001b\\|\u009c)|\u001b[ -/]+[0-~]/g;

/** Other control characters, and marks that reverse the direction of text; a tab and a line's end stay. */
const CONTROLS = "[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]";

/**
 * Removes control characters, so that the text can't move the cursor or end a section of GitLab's log, and breaks up the
 * commands of CI systems: "::error::" at a line's start (GitHub), "##[error]", "##vso[…]" (Azure Pipelines).
 */
function plainText(text) {
  return text
    .replace(ESCAPES, "")
    .replace(/\r\n?/g, "\n")
    .replace(new RegExp(CONTROLS, "g"), "")
    .replace(/^([^\S\n]*):(?=:)/gm, "$1: ")
    .replace(/##(?=\w*\[)/g, "# #");
}

/** The same, on one line. */
function oneLine(text) {
  return plainText(text).replace(/\n/g, " ");
}

/** The same for JSON, which still parses to the same value. */
function plainJson(value) {
  const escaped = (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(value, null, 2)
    .replace(new RegExp(CONTROLS, "g"), (character) => (character === "\r" ? character : escaped(character)))
    .replace(/##/g, `#${escaped("#")}`);
}

module.exports = { oneLine, plainJson, plainText };
