// The page "messages".
export function Page() {
  return <p>messages</p>;
}
