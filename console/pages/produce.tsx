// The page "produce".
export function Page() {
  return <p>produce</p>;
}
