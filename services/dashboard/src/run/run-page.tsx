export function RunPage(): null {
  return null;
}
