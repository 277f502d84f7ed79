export function plainText(text: string): string;
export function oneLine(text: string): string;
export function plainJson(value: unknown): string;
