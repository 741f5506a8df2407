/** `GET`, `PUT`, … each in its own colour; the word says it, too. */
export function Method({ method }: { readonly method: string }) {
  return <span class={`method method-${method.toLowerCase()}`}>{method}</span>;
}
