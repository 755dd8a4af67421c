/** What a test file tells of each of its tests, on a line that begins so. */
export const prefix = 'told: ';

export interface Told {
  test: string;
  /** Why it failed. */
  error?: string;
}
