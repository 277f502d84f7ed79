/** Reads the comments of an interface's or a class's members, as their sources have them. */
import { readFileSync } from "node:fs";
import * as ts from "typescript";

/**
 * The comments of the members that have one, by the members' names. The comment of the interface or class itself stands under
 * the empty name. Each is one paragraph, without its tags.
 *
 * @throws if the file has no such interface or class.
 */
export function commentsOf(file: string, name: string): Record<string, string> {
  const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.ES2022, true);
  const declaration = source.statements.find(
    (statement): statement is ts.InterfaceDeclaration | ts.ClassDeclaration =>
      (ts.isInterfaceDeclaration(statement) || ts.isClassDeclaration(statement)) && statement.name?.text === name,
  );
  if (!declaration) throw new Error(`${file} has no ${name}.`);
  const members = [...declaration.members].filter(
    (member) => ts.isPropertySignature(member) || ts.isPropertyDeclaration(member),
  );
  return Object.fromEntries([
    ["", commentOf(declaration)],
    ...members.map((member) => [member.name.getText(source), commentOf(member)]),
  ]) as Record<string, string>;
}

function commentOf(node: ts.Node): string {
  const [comment] = ts.getJSDocCommentsAndTags(node);
  return (ts.getTextOfJSDocComment(comment && ts.isJSDoc(comment) ? comment.comment : undefined) ?? "")
    .replaceAll(/\s*\n\s*/g, " ")
    .trim();
}

/** The sentences of a comment. A sentence ends with a full stop before a capital letter, or at the end. */
export function sentencesOf(comment: string): string[] {
  return comment.split(/(?<=\.) (?=[A-Z])/);
}
