/** Of an argument that takes one. */
export function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`${name} takes whole numbers from 1 up, not '${text}'`);
  return value;
}

/** An option of a candidate, written as name=value. */
export function namedOption(text: string): [string, unknown] {
  const [, name, value] = /^(\w+)=(.*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw new Error(`--option takes name=value, not '${text}'`);
  // Numbers and true or false as such; all else is text.
  const isJson = /^(-?\d+(\.\d+)?|true|false|null)$/.test(value);
  return [name, isJson ? JSON.parse(value) : value];
}

/** What was given on a command line, without these options and their values. */
export function withoutOptions(args: string[], options: string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const [name, value] = args[index]!.split('=', 2);
    if (!options.includes(name!)) kept.push(args[index]!);
    else if (value === undefined) index += 1;
  }
  return kept;
}
